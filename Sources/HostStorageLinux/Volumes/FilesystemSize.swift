// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// The size and use of a volume's filesystem: of a mounted one from its kernel code, else from the
/// superblock.
enum FilesystemSize {
    static func stats(of volume: OpenVolume) throws(StorageError) -> VolumeStats {
        let type = try volume.filesystemType()
        if let place = try volume.usedDirectory() {
            var figures = statvfs()
            try checkErrno(fstatvfs(place.descriptor.raw, &figures), "fstatvfs", volume.device.path)
            let free = Int64(figures.f_bfree) * Int64(figures.f_frsize)
            let total = try totalBytes(of: volume, type: type, at: place)
            return VolumeStats(totalBytes: total, usedBytes: max(0, total - free))
        }
        let superblock = try Superblock(of: type, on: volume.descriptor, volume.device.path)
        guard let used = superblock.usedBytes else {
            throw StorageError(
                .failedPrecondition, "the use of a \(type) filesystem can be told only while it is mounted",
                subject: volume.device.path)
        }
        return VolumeStats(totalBytes: superblock.totalBytes, usedBytes: used)
    }

    static func totalBytes(of volume: OpenVolume, type: String) throws(StorageError) -> Int64 {
        try totalBytes(of: volume, type: type, at: try volume.usedDirectory())
    }

    /// What statvfs(3) calls the size leaves the journal and the tables of ext and xfs out, so it is asked
    /// for where each filesystem keeps it.
    static func totalBytes(
        of volume: OpenVolume, type: String, at place: OpenDirectory?
    ) throws(StorageError) -> Int64 {
        // ext writes its superblock through the device's own page cache, so it is right while mounted too.
        guard let place, !type.hasPrefix("ext") else {
            return try Superblock(of: type, on: volume.descriptor, volume.device.path).totalBytes
        }
        if type == "xfs" {
            var (blockSize, blocks, percent): (UInt32, UInt64, UInt32) = (0, 0, 0)
            try check(
                cls_xfs_geometry(place.descriptor.raw, &blockSize, &blocks, &percent), "XFS_IOC_FSGEOMETRY",
                volume.device.path)
            return Int64(blockSize) * Int64(blocks)
        }
        var figures = statvfs()
        try checkErrno(fstatvfs(place.descriptor.raw, &figures), "fstatvfs", volume.device.path)
        return Int64(figures.f_blocks) * Int64(figures.f_frsize)
    }
}
