// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The size and use of a filesystem as its superblock states them. Right while the filesystem is not mounted; of a mounted
/// one only what its kernel code writes through.
struct Superblock: Sendable, Hashable {
    let blockSize: Int64
    let blocks: Int64
    /// Nil where the superblock does not say.
    let freeBlocks: Int64?

    var totalBytes: Int64 { blockSize * blocks }
    var usedBytes: Int64? { freeBlocks.map { blockSize * (blocks - $0) } }
}

extension OpenVolume {
    /// The driver of the filesystem on the volume; anything else than a filesystem is refused.
    func driver() throws(StorageError) -> any FilesystemDriver { FilesystemDrivers.driver(of: try filesystemType()) }

    /// The size and use of its filesystem: of a mounted one from its kernel code, else from the superblock.
    func stats() throws(StorageError) -> VolumeStats {
        let driver = try driver()
        if let place = try usedDirectory() {
            let figures = try place.descriptor.filesystemFigures(device.path)
            let total = try driver.totalBytes(of: self, at: place)
            return VolumeStats(
                totalBytes: total, usedBytes: max(0, total - Int64(figures.f_bfree) * Int64(figures.f_frsize)))
        }
        let superblock = try driver.superblock(of: self)
        guard let used = superblock.usedBytes else {
            throw StorageError(
                .failedPrecondition, "the use of a \(driver.type) filesystem can be read only while it is mounted",
                subject: device.path)
        }
        return VolumeStats(totalBytes: superblock.totalBytes, usedBytes: used)
    }
}

extension Descriptor {
    /// The filesystem's numbers by statvfs(3), whose size leaves out the journal and the tables of ext and xfs.
    func filesystemFigures(_ subject: String) throws(StorageError) -> statvfs {
        var figures = statvfs()
        try checkErrno(fstatvfs(raw, &figures), "fstatvfs", subject)
        return figures
    }
}

/// 4 KiB of a device that are not blank.
struct Page {
    let offset: Int64
    let bytes: [UInt8]

    /// The origin of a page's content, seen from one making of a filesystem.
    enum Origin {
        /// Carries the UUID of that filesystem, or a checksum over it.
        case own
        /// Has the form of something that the program writes and that carries no UUID.
        case plausible
        case foreign
    }

    func isBlank(_ range: Range<Int>) -> Bool { bytes[range].allSatisfy { $0 == 0 } }
    func has(_ text: String, at offset: Int) -> Bool { bytes.has(text, at: offset) }
    func has(_ uuid: [UInt8], at offset: Int) -> Bool {
        offset + 16 <= bytes.count && bytes[offset..<(offset + 16)].elementsEqual(uuid)
    }
}
