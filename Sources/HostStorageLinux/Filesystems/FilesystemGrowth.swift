// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The growth of a filesystem to the end of its device: by its kernel code where it can, mounted where it is or for the
/// moment privately, else by its own tool.
///
/// In this order: ``FilesystemDriver/prepare(_:to:)`` and ``FilesystemDriver/checkRun(on:)`` make all
/// checks, and only then the partition grows, and the filesystem after it.
struct FilesystemGrowth {
    let volume: OpenVolume
    let driver: any FilesystemDriver
    let uuid: String?

    init(of volume: OpenVolume) throws(StorageError) {
        self.volume = volume
        let signature = try volume.filesystem()
        (driver, uuid) = (FilesystemDrivers.driver(of: signature.type), signature.uuid)
    }

    /// How it will be done.
    enum Way {
        /// By the kernel, through a directory of the filesystem.
        case kernel(OpenDirectory)
        case tool
    }

    /// Whether the filesystem leaves `bytes` or more of its device unused. Every filesystem leaves some: less than a block,
    /// or at the end a group of blocks too small to be of use.
    func isBehind(by bytes: Int64, through directory: OpenDirectory? = nil) throws(StorageError) -> Bool {
        let size = try volume.descriptor.blockSize(volume.path)
        let place = if let directory { directory } else { try volume.usedDirectory() }
        let own = try driver.ownBytes(of: volume, at: place)
        guard own <= size else {
            throw StorageError(
                .failedPrecondition, "its \(driver.type) has \(own) bytes, and its device only \(size)",
                subject: volume.path)
        }
        return size - own >= bytes
    }

    /// Fails where it is in use in a way that earlier checks have not seen.
    func requireUnused() throws(StorageError) {
        do throws(StorageError) {
            _ = try Descriptor.claim(volume.device, O_RDONLY)
        } catch  where error.code == .busy {
            var error = error
            error.code = .failedPrecondition
            error.detail =
                error.holders.contains { !$0.isProcess }
                ? "it is mounted or part of another device, and its \(driver.type) can grow only unmounted; unmount it first"
                : "another program works on it"
            throw error
        }
    }

    /// A directory of the filesystem. One that is not mounted is mounted for this; one that cannot be is not grown.
    func directory() throws(StorageError) -> OpenDirectory {
        do throws(StorageError) {
            return OpenDirectory(try FilesystemMount.privateDirectory(volume.device, driver))
        } catch  where error.code == .busy {
            throw StorageError(
                .failedPrecondition, "it is mounted read-only, or part of another device", subject: error.subject,
                cause: error.cause
            ).held(by: Holders.ofDevice(volume.device))
        }
    }
}
