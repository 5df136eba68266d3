// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The size and use of a filesystem as its superblock states them. Right while the filesystem is not
/// mounted; of a mounted one only what its kernel code writes through (see ``FilesystemSize``).
struct Superblock: Sendable, Hashable {
    let blockSize: Int64
    let blocks: Int64
    /// Nil where the superblock does not say.
    let freeBlocks: Int64?

    var totalBytes: Int64 { blockSize * blocks }
    var usedBytes: Int64? { freeBlocks.map { blockSize * (blocks - $0) } }

    /// Something that changes with the superblock: an FNV-1a hash of its first 4 KiB, in hexadecimal. Every
    /// filesystem writes its superblock when it is used: times and mounts, generations, free blocks.
    static func mark(of type: String, on device: borrowing Descriptor, _ subject: String) throws(StorageError) -> String
    {
        let bytes = try device.bytes(at: type == "btrfs" ? 65536 : 0, count: 4096, subject)
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }

    /// - Parameters:
    ///   - type: as libblkid names it.
    ///   - start: where on the device the filesystem begins.
    init(
        of type: String, on device: borrowing Descriptor, _ subject: String, from start: Int64 = 0
    ) throws(StorageError) {
        switch type {
        case "ext2", "ext3", "ext4":
            // Linux: Documentation/filesystems/ext4/super.rst
            let bytes = try device.bytes(at: start + 1024, count: 1024, subject)
            let is64Bit = bytes.little(0x60, 4) & 0x80 != 0
            blockSize = 1024 << min(bytes.little(0x18, 4), 6)
            blocks = bytes.little(0x04, 4) + (is64Bit ? bytes.little(0x150, 4) << 32 : 0)
            freeBlocks = bytes.little(0x0C, 4) + (is64Bit ? bytes.little(0x158, 4) << 32 : 0)
        case "xfs":
            // XFS Algorithms & Data Structures, "Superblocks"
            let bytes = try device.bytes(at: start + 0, count: 512, subject)
            blockSize = bytes.big(4, 4)
            blocks = bytes.big(8, 8)
            freeBlocks = bytes.big(144, 8)
        case "btrfs":
            // Btrfs On-disk Format, "Superblock": sizes in bytes
            let bytes = try device.bytes(at: start + 65536, count: 4096, subject)
            blockSize = 1
            blocks = bytes.little(0x70, 8)
            freeBlocks = blocks - bytes.little(0x78, 8)
        case "ntfs":
            // The boot sector's parameter block; the free space is in a bitmap far behind it.
            let bytes = try device.bytes(at: start + 0, count: 512, subject)
            blockSize = bytes.little(0x0B, 2)
            blocks = bytes.little(0x28, 8)
            freeBlocks = nil
        case "exfat":
            // exFAT file system specification, 3.1; PercentInUse is 255 where it is not kept.
            let bytes = try device.bytes(at: start + 0, count: 512, subject)
            blockSize = 1 << min(bytes.little(108, 1), 12)
            blocks = bytes.little(72, 8)
            let percent = bytes.little(112, 1)
            freeBlocks = percent <= 100 ? blocks * (100 - percent) / 100 : nil
        default:
            throw StorageError(.unsupported, "the size of a filesystem of type \(type) is not known", subject: subject)
        }
        guard blockSize > 0, blocks > 0, !blockSize.multipliedReportingOverflow(by: blocks).overflow else {
            throw StorageError(
                .inputOutput, "the superblock of its \(type) filesystem makes no sense", subject: subject)
        }
    }
}

extension [UInt8] {
    func little(_ offset: Int, _ count: Int) -> Int64 {
        self[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | Int64($1) }
    }

    func big(_ offset: Int, _ count: Int) -> Int64 {
        self[offset..<(offset + count)].reduce(0) { $0 << 8 | Int64($1) }
    }
}
