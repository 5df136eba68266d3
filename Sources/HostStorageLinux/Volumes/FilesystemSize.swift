// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// The size and use of a volume's filesystem: of a mounted one from its kernel code, else from the
/// superblock.
enum FilesystemSize {
    static func stats(of volume: OpenVolume) throws(StorageError) -> VolumeStats {
        let type = try volume.filesystemType()
        for mount in try volume.mounts() {
            guard let top = try? Descriptor(opening: mount.target, O_RDONLY | O_DIRECTORY),
                try top.status(mount.target).mountID == UInt64(mount.id)
            else { continue }
            return try stats(ofMounted: type, top, volume, mount.target)
        }
        let superblock = try Superblock(of: type, on: volume.descriptor, volume.device.path)
        guard let used = superblock.usedBytes else {
            throw StorageError(
                .failedPrecondition, "the use of a \(type) filesystem can be told only while it is mounted",
                subject: volume.device.path)
        }
        return VolumeStats(totalBytes: superblock.totalBytes, usedBytes: used)
    }

    private static func stats(
        ofMounted type: String, _ top: borrowing Descriptor, _ volume: OpenVolume, _ path: String
    ) throws(StorageError) -> VolumeStats {
        var figures = statvfs()
        try checkErrno(fstatvfs(top.raw, &figures), "fstatvfs", path)
        let free = Int64(figures.f_bfree) * Int64(figures.f_frsize)
        let total = try totalBytes(ofMounted: type, top, volume, path)
        return VolumeStats(totalBytes: total, usedBytes: max(0, total - free))
    }

    /// What statvfs(3) calls the size leaves the journal and the tables of ext and xfs out, so it is asked
    /// for where each filesystem keeps it.
    static func totalBytes(
        ofMounted type: String, _ top: borrowing Descriptor, _ volume: OpenVolume, _ path: String
    ) throws(StorageError) -> Int64 {
        switch type {
        case "ext2", "ext3", "ext4":
            // ext writes its superblock through the device's own page cache.
            return try Superblock(of: type, on: volume.descriptor, volume.device.path).totalBytes
        case "xfs":
            var (blockSize, blocks, percent): (UInt32, UInt64, UInt32) = (0, 0, 0)
            try check(cls_xfs_geometry(top.raw, &blockSize, &blocks, &percent), "XFS_IOC_FSGEOMETRY", path)
            return Int64(blockSize) * Int64(blocks)
        default:
            var figures = statvfs()
            try checkErrno(fstatvfs(top.raw, &figures), "fstatvfs", path)
            return Int64(figures.f_blocks) * Int64(figures.f_frsize)
        }
    }
}
