// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// How far an ext2, ext3 or ext4 can grow, by what was decided when it was made.
struct ExtLimits {
    private let subject: String
    private let blockSize: Int64
    private let firstBlock: Int64
    private let groupBlocks: Int64
    private let groupInodes: Int64
    private let inodeSize: Int64
    private let descriptorSize: Int64
    private let hasErrors: Bool
    private let incompatible: Int64

    // Linux: Documentation/filesystems/ext4/super.rst
    init(of device: borrowing Descriptor, _ subject: String) throws(StorageError) {
        self.subject = subject
        let bytes = try device.bytes(at: 1024, count: 1024, subject)
        blockSize = 1024 << min(bytes.little(0x18, 4), 6)
        firstBlock = bytes.little(0x14, 4)
        groupBlocks = bytes.little(0x20, 4)
        groupInodes = bytes.little(0x28, 4)
        hasErrors = bytes.little(0x3A, 2) & 0x2 != 0
        inodeSize = bytes.little(0x4C, 4) == 0 ? 128 : bytes.little(0x58, 2)
        incompatible = bytes.little(0x60, 4)
        descriptorSize = incompatible & 0x80 != 0 ? max(32, bytes.little(0xFE, 2)) : 32
        guard groupBlocks > 0, inodeSize > 0 else {
            throw StorageError(.inputOutput, "the superblock of its ext filesystem makes no sense", subject: subject)
        }
    }

    private var has64Bit: Bool { incompatible & 0x80 != 0 }
    private var hasFlexibleGroups: Bool { incompatible & 0x200 != 0 }
    private var hasMetaGroups: Bool { incompatible & 0x10 != 0 }

    /// Fails where it cannot grow to a device of `size` bytes.
    func requireRoom(_ size: Int64, isMounted: Bool) throws(StorageError) {
        if isMounted, hasErrors {
            throw StorageError(
                .failedPrecondition,
                "the kernel found errors in it, and does not grow it while it is mounted; unmount it first",
                subject: subject)
        }
        for (limit, reason) in limits(isMounted: isMounted) where size / blockSize > limit {
            throw StorageError(
                .failedPrecondition,
                "its filesystem \(reason) and can grow to \(limit * blockSize) bytes, not to \(size); "
                    + "a larger one takes a new filesystem",
                subject: subject)
        }
    }

    /// In blocks, with what sets each limit.
    private func limits(isMounted: Bool) -> [(Int64, String)] {
        var limits: [(Int64, String)] = []
        if !has64Bit { limits.append((1 << 32 - 1, "counts its blocks with 32 bits")) }
        if groupInodes > 0 {
            let groups = (1 << 32 - 1) / groupInodes
            limits.append((firstBlock + groups * groupBlocks, "has an inode for every \(inodeRatio) bytes"))
        }
        // All descriptors of groups stand in the first group, with its tables; the kernel, and not the tool, can lay them
        // out otherwise.
        if !hasMetaGroups, !(isMounted && has64Bit) {
            // Tables of inodes can be in other groups with flex_bg. What resize2fs keeps free besides is less than a percent.
            let tables = hasFlexibleGroups ? 5 : (groupInodes * inodeSize + blockSize - 1) / blockSize
            let room = groupBlocks - 3 - tables
            let groups = max(0, room) * (blockSize / descriptorSize)
            limits.append((firstBlock + groups * groupBlocks, "has blocks of \(blockSize) bytes"))
        }
        return limits
    }

    private var inodeRatio: Int64 { groupBlocks * blockSize / max(1, groupInodes) }
}
