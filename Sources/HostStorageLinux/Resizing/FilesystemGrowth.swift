// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Grows a filesystem to the end of its device: by its kernel code where it can, mounted where it is or
/// for the moment privately, else by its own tool.
struct FilesystemGrowth: Sendable {
    let volume: OpenVolume
    let type: String
    let isMounted: Bool

    init(of volume: OpenVolume) throws(StorageError) {
        self.volume = volume
        type = try volume.filesystemType()
        isMounted = try !volume.mounts().isEmpty
    }

    /// Whether the filesystem leaves a part of its device unused that matters. Every filesystem leaves some:
    /// less than a block, or at the end a group of blocks too small to be of use.
    func isBehind() throws(StorageError) -> Bool {
        let size = try volume.descriptor.blockSize(volume.device.path)
        return size - (try FilesystemSize.totalBytes(of: volume, type: type)) >= 16 << 20
    }

    /// Fails, before anything is changed, where this filesystem cannot be grown as things stand.
    func requirePossible() throws(StorageError) {
        switch type {
        case "xfs", "btrfs": break
        case "ext2", "ext3", "ext4":
            if isMounted, try !Capabilities.own().contains(.sysResource) {
                throw StorageError(
                    .failedPrecondition,
                    "growing a mounted \(type) takes CAP_SYS_RESOURCE, which this process does not have; unmount it first",
                    subject: volume.device.path)
            }
        case "ntfs":
            if isMounted {
                throw StorageError(
                    .failedPrecondition, "a mounted ntfs cannot grow; unmount it first", subject: volume.device.path)
            }
        default:
            throw StorageError(.unsupported, "a filesystem of type \(type) cannot grow", subject: volume.device.path)
        }
    }

    /// Grows it by the kernel; false where a tool has to do it.
    func growByKernel() throws(StorageError) -> Bool {
        let size = try volume.descriptor.blockSize(volume.device.path)
        if type.hasPrefix("ext") {
            let superblock = try Superblock(of: type, on: volume.descriptor, volume.device.path)
            let blocks = size / superblock.blockSize
            if superblock.blocks >= blocks { return true }
            guard isMounted else { return false }
            let top = try directory()
            // It is open until after the call, not only until its number was read.
            defer { withExtendedLifetime(top) {} }
            try check(cls_ext4_grow(top.descriptor.raw, UInt64(blocks)), "EXT4_IOC_RESIZE_FS", volume.device.path)
            return true
        }
        guard type == "xfs" || type == "btrfs" else { return false }
        let place = volume.device.path
        let top =
            isMounted ? try directory() : OpenDirectory(try FilesystemMount.privateDirectory(volume.device, type: type))
        defer { withExtendedLifetime(top) {} }
        if type == "btrfs" {
            try check(cls_btrfs_grow_to_maximum(top.descriptor.raw), "BTRFS_IOC_RESIZE", place)
        } else {
            var (blockSize, blocks, percent): (UInt32, UInt64, UInt32) = (0, 0, 0)
            try check(cls_xfs_geometry(top.descriptor.raw, &blockSize, &blocks, &percent), "XFS_IOC_FSGEOMETRY", place)
            let wanted = UInt64(size) / UInt64(blockSize)
            if wanted > blocks {
                try check(cls_xfs_grow(top.descriptor.raw, wanted, percent), "XFS_IOC_FSGROWFSDATA", place)
            }
        }
        return true
    }

    /// A directory of the mounted filesystem.
    private func directory() throws(StorageError) -> OpenDirectory {
        if let directory = try volume.mountedDirectory() { return directory }
        throw StorageError(
            .failedPrecondition, "it is mounted where other mounts cover it", subject: volume.device.path)
    }

    /// Grows an unmounted filesystem that only its own tool can grow.
    func growByTool(deadline: Duration) async throws(StorageError) {
        let (path, subject) = (volume.pinnedPath, volume.device.path)
        switch type {
        case "ntfs":
            try await ChildProgram("ntfsresize", package: "ntfs-3g").run(
                ["--no-progress-bar", "--force", "--force", path], deadline: deadline, subject: subject)
        default:
            // resize2fs wants a filesystem that was just checked. 1: errors were corrected (e2fsck(8)).
            try await ChildProgram("e2fsck", package: "e2fsprogs").run(
                ["-f", "-p", path], deadline: deadline, subject: subject, isSuccess: { $0 & ~1 == 0 })
            try await ChildProgram("resize2fs", package: "e2fsprogs").run(
                [path], deadline: deadline, subject: subject)
        }
    }
}
