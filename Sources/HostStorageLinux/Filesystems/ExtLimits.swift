// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// How far an ext2, ext3 or ext4 can grow, by the layout that it was made with.
struct ExtLimits {
    private let subject: String
    private let blockSize: Int64
    private let firstBlock: Int64
    private let groupBlocks: Int64
    private let groupInodes: Int64
    private let inodeSize: Int64
    private let descriptorSize: Int64
    private let hasErrors: Bool
    private let compatible: Int64
    private let readOnlyCompatible: Int64
    private let incompatible: Int64
    private let blocks: Int64
    private let freeBlocks: Int64
    /// Blocks behind the descriptors of groups that are kept for more of them.
    private let reservedBlocks: Int64
    /// Groups whose tables stand together.
    private let groupsTogether: Int64
    /// Nil without an internal journal, or where the superblock does not say.
    private let journalBlocks: Int64?

    // Linux: Documentation/filesystems/ext4/super.rst
    init(of volume: OpenVolume) throws(StorageError) {
        subject = volume.path
        let bytes = try volume.bytes(at: 1024, count: 1024)
        let figures = Ext4.figures(in: bytes)
        (blockSize, blocks, freeBlocks) = (figures.blockSize, figures.blocks, figures.freeBlocks ?? 0)
        firstBlock = bytes.little(0x14, 4)
        groupBlocks = bytes.little(0x20, 4)
        groupInodes = bytes.little(0x28, 4)
        hasErrors = bytes.little(0x3A, 2) & 0x2 != 0
        inodeSize = bytes.little(0x4C, 4) == 0 ? 128 : bytes.little(0x58, 2)
        compatible = bytes.little(0x5C, 4)
        incompatible = bytes.little(0x60, 4)
        readOnlyCompatible = bytes.little(0x64, 4)
        reservedBlocks = compatible & 0x10 != 0 ? bytes.little(0xCE, 2) : 0
        groupsTogether = incompatible & 0x200 != 0 ? 1 << min(16, bytes.little(0x174, 1)) : 1
        let hasJournalSize = compatible & 0x4 != 0 && bytes.little(0xFD, 1) == 1
        let journalBytes = bytes.little(0x14C, 4) | bytes.little(0x148, 4) << 32
        journalBlocks = hasJournalSize && journalBytes > 0 ? journalBytes / blockSize : nil
        descriptorSize = incompatible & 0x80 != 0 ? max(32, bytes.little(0xFE, 2)) : 32
        guard groupBlocks > 0, inodeSize > 0 else {
            throw StorageError(.inputOutput, "the superblock of its ext filesystem makes no sense", subject: subject)
        }
    }

    /// Of files that were deleted while they were open.
    var hasOrphanFile: Bool { compatible & 0x1000 != 0 }

    /// In bytes. A group that would be new needs room for its tables, and 50 blocks besides (e2fsprogs, ext2fs_initialize).
    var leastGrowth: Int64 {
        let isLastFull = groupBlocks > 0 && (blocks - firstBlock) % groupBlocks == 0
        guard isLastFull else { return max(1 << 20, blockSize) }
        return max(1 << 20, (tableBlocks + descriptorBlocks(blocks) + 1 + reservedBlocks + 53) * blockSize)
    }

    private var hasClusters: Bool { readOnlyCompatible & 0x200 != 0 }
    private var hasResizeInode: Bool { compatible & 0x10 != 0 }
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
        if hasClusters || (isMounted && compatible & 0x200 != 0) {
            throw StorageError(
                .unsupported,
                hasClusters
                    ? "it allocates in clusters (bigalloc), and such a filesystem cannot grow safely"
                    : "it keeps two copies of its superblock (sparse_super2), and the kernel does not grow such a filesystem "
                        + "while it is mounted; unmount it first", subject: subject)
        }
        for (limit, reason) in limits(isMounted: isMounted) where size / blockSize > limit {
            throw StorageError(
                .failedPrecondition,
                "its filesystem \(reason) and can grow to \(limit * blockSize) bytes, not to \(size); "
                    + "a larger one takes a new filesystem",
                subject: subject)
        }
        if isMounted { try requireJournal(size) } else { try requireRoomToMove(size) }
    }

    /// The kernel adds groups in transactions that hold every block kept for descriptors, and a transaction can have a
    /// fourth of the journal (Linux: fs/ext4/resize.c, ext4_flex_group_add; fs/jbd2/journal.c). It refuses growth of a
    /// mounted filesystem that does not fit.
    private func requireJournal(_ size: Int64) throws(StorageError) {
        guard let journalBlocks, hasResizeInode, groups(size / blockSize) > groups(blocks) else { return }
        // Blocks of a journal with fast commits that ordinary transactions do not get: 256 unless it was made otherwise.
        let usable = journalBlocks - (compatible & 0x400 != 0 ? 256 : 0)
        guard reservedBlocks + 5 > usable / 4 - 4 else { return }
        throw StorageError(
            .failedPrecondition,
            "its journal of \(journalBlocks) blocks is too small for it to grow while it is mounted; unmount it first",
            subject: subject)
    }

    /// Where the descriptors of groups outgrow their reserve, resize2fs moves the blocks behind them, that of the
    /// resize inode too. It places that behind the end of the filesystem where there is no room within, and then fails
    /// halfway: "Illegal doubly indirect block" (e2fsprogs 1.47).
    private func requireRoomToMove(_ size: Int64) throws(StorageError) {
        guard hasResizeInode, !hasMetaGroups else { return }
        let descriptors = descriptorBlocks(size / blockSize)
        guard descriptors > descriptorBlocks(blocks) + reservedBlocks else { return }
        // New tables of the first groups, the descriptors, as much of data in their way, and some.
        let needed = groupsTogether * tableBlocks + 2 * descriptors + 256
        guard freeBlocks < needed else { return }
        let limit = (descriptorBlocks(blocks) + reservedBlocks) * (blockSize / descriptorSize) * groupBlocks * blockSize
        throw StorageError(
            .failedPrecondition,
            "its filesystem keeps room to grow to \(limit) bytes, not to \(size); for more, \(needed * blockSize) bytes "
                + "of it have to be free, and \(freeBlocks * blockSize) are",
            subject: subject)
    }

    private func groups(_ blocks: Int64) -> Int64 { (max(0, blocks - firstBlock) + groupBlocks - 1) / groupBlocks }

    private func descriptorBlocks(_ blocks: Int64) -> Int64 {
        (groups(blocks) * descriptorSize + blockSize - 1) / blockSize
    }

    /// Of the inodes of a group.
    private var tableBlocks: Int64 { (groupInodes * inodeSize + blockSize - 1) / blockSize }

    /// In blocks, with the reason for each limit.
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
            // Tables of inodes can be in other groups with flex_bg. resize2fs keeps less than a percent free besides.
            let tables = hasFlexibleGroups ? 5 : tableBlocks
            let room = groupBlocks - 3 - tables
            let groups = max(0, room) * (blockSize / descriptorSize)
            limits.append((firstBlock + groups * groupBlocks, "has blocks of \(blockSize) bytes"))
        }
        return limits
    }

    private var inodeRatio: Int64 { groupBlocks * blockSize / max(1, groupInodes) }
}
