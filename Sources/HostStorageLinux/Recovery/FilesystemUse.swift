// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Whether a filesystem has ever been mounted for writing, as its superblock and, of xfs, its log tell.
enum FilesystemUse {
    /// True where it has been, or where it cannot be told.
    static func hasBegun(_ type: String, on device: borrowing Descriptor, _ subject: String) throws(StorageError)
        -> Bool
    {
        switch type {
        case "ext4":
            // Linux: Documentation/filesystems/ext4/super.rst: s_mtime and s_mnt_count
            let bytes = try device.bytes(at: 1024, count: 1024, subject)
            return bytes.little(0x2C, 4) != 0 || bytes.little(0x34, 2) != 0
        case "xfs": return try ofXFS(device, subject)
        case "btrfs": return hasBegun(btrfs: try device.bytes(at: 65536, count: 4096, subject))
        default: return true
        }
    }

    /// Btrfs On-disk Format, "Superblock": log_root, cache_generation and uuid_tree_generation. mkfs leaves all three
    /// 0 or -1, and the first commit of a mount writes the last.
    ///
    /// - Parameter superblock: any of its copies.
    static func hasBegun(btrfs superblock: [UInt8]) -> Bool {
        superblock.little(0x60, 8) != 0
            || [0x22B, 0x233].contains { ![0, -1].contains(superblock.little($0, 8)) }
    }

    /// XFS Algorithms & Data Structures, "Superblocks" and "Journaling Log". A mount writes to the log before
    /// anything else; mkfs has left one record in it, which says that the filesystem was unmounted.
    private static func ofXFS(_ device: borrowing Descriptor, _ subject: String) throws(StorageError) -> Bool {
        let bytes = try device.bytes(at: 0, count: 512, subject)
        // sb_lsn
        if bytes.big(240, 8) != 0 { return true }
        let (block, group, start) = (bytes.big(4, 4), bytes.big(84, 4), bytes.big(48, 8))
        let shift = Int64(min(bytes.little(124, 1), 31))
        let blocks = (start >> shift).multipliedReportingOverflow(by: group)
        guard start > 0, !blocks.overflow, blocks.partialValue < 1 << 50, block <= 65536 else { return true }
        let offset = (blocks.partialValue + start & ((1 << shift) - 1)) * block
        guard offset + 1 << 20 < (try device.blockSize(subject)) else { return true }
        let header = try device.bytes(at: offset, count: 512, subject)
        // Where its first record never came to the disk, the log is blank, or it is none of mkfs's.
        if header.firstIndexOfData == nil {
            return try device.bytes(at: offset, count: 65536, subject).firstIndexOfData != nil
        }
        let length = header.big(12, 4)
        guard header.starts(with: [0xFE, 0xED, 0xBA, 0xBE]), length <= 262_144 else { return true }
        let next = offset + 512 + (length + 511) / 512 * 512
        return try device.bytes(at: next, count: 65536, subject).firstIndexOfData != nil
    }
}
