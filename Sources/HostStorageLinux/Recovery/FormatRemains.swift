// SPDX-License-Identifier: Apache-2.0

import CLibUuid
import CLinuxStorage
import Glibc
import HostStorage

/// Whether what a format has left without a superblock is what its tool writes, and nothing else: every page
/// that a ``BlankProof`` looks at is blank, or carries the UUID that was drawn for this format, or a checksum
/// over it, or has the form of one of the few structures of a new and empty filesystem that carry neither. What
/// tells of a mount since is not the tool's, whatever it carries.
struct FormatRemains {
    /// Whether all that was found is the tool's.
    private(set) var areOwn = true
    /// Whether anything was found that carries the UUID or a checksum over it.
    private(set) var carryUUID = false
    /// Whether there is anything at all.
    private(set) var exist = false

    init(of kind: FilesystemKind, _ uuid: String, on volume: OpenVolume) throws(StorageError) {
        var own = [UInt8](repeating: 0, count: 16)
        guard uuid_parse(uuid, &own) == 0 else {
            areOwn = false
            return
        }
        let (device, path) = (volume.device, volume.device.path)
        let judge: (Page) throws(StorageError) -> Page.Verdict =
            switch kind {
            case .xfs: { page throws(StorageError) in page.ofXFS(own) }
            case .btrfs: { page throws(StorageError) in try page.ofBtrfs(own, volume.descriptor, path) }
            case .ext4:
                { page throws(StorageError) in page.ofExt4(own, blocks: device.size / 4096) }
            // They take no UUID, so that nothing tells them from another's.
            case .ntfs, .exfat: { _ throws(StorageError) in .foreign }
            }
        // What the page cache holds from before is no proof.
        try check(cls_block_flush_buffers(volume.descriptor.raw), "BLKFLSBUF", path)
        for range in BlankProof.ranges(size: device.size) {
            var offset = range.lowerBound
            while offset < range.upperBound {
                let count = min(4096, range.upperBound - offset)
                let bytes = try volume.descriptor.bytes(at: offset, count: Int(count), path)
                if bytes.firstIndexOfData != nil {
                    exist = true
                    switch try judge(Page(offset: offset, bytes: bytes)) {
                    case .own: carryUUID = true
                    case .plausible: break
                    case .foreign:
                        areOwn = false
                        return
                    }
                }
                offset += count
            }
        }
    }
}

/// 4 KiB of a device that are not blank.
private struct Page {
    let offset: Int64
    let bytes: [UInt8]

    enum Verdict {
        /// Carries the UUID, or a checksum over it.
        case own
        /// Has the form of something that the tool writes and that carries no UUID.
        case plausible
        case foreign
    }

    private func isBlank(_ range: Range<Int>) -> Bool { bytes[range].allSatisfy { $0 == 0 } }

    private func has(_ text: String, at offset: Int) -> Bool {
        offset + text.utf8.count <= bytes.count && bytes[offset...].starts(with: text.utf8)
    }

    private func has(_ uuid: [UInt8], at offset: Int) -> Bool {
        offset + 16 <= bytes.count && bytes[offset..<(offset + 16)].elementsEqual(uuid)
    }

    // MARK: - xfs

    /// XFS Algorithms & Data Structures, of version 5: whatever has a magic number has the UUID, and the number of
    /// the log record by which it was last written, which is 0 from mkfs.
    func ofXFS(_ uuid: [UInt8]) -> Verdict {
        // Offsets of both by magic number: headers of groups, and inodes, a sector each.
        let sectors: [(String, uuid: Int, record: Int)] = [
            ("XFSB", 32, 240), ("XAGF", 64, 208), ("XAGI", 296, 320), ("XAFL", 8, 24), ("IN", 160, 112),
        ]
        let trees = ["AB3B", "AB3C", "IAB3", "FIB3", "RMB3", "R3FC"]
        if trees.contains(where: { has($0, at: 0) }), has(uuid, at: 32) {
            return isBlank(24..<32) ? .own : .foreign
        }
        if has("XAFL", at: 0), has(uuid, at: 8) { return isBlank(24..<32) ? .own : .foreign }
        // The log: mkfs leaves one record, the first.
        if bytes.starts(with: [0xFE, 0xED, 0xBA, 0xBE]), has(uuid, at: 304) {
            return bytes.big(16, 8) == 1 << 32 ? .own : .foreign
        }
        for start in stride(from: 0, to: bytes.count, by: 512) where !isBlank(start..<min(start + 512, bytes.count)) {
            let isOwn = sectors.contains { magic, own, record in
                has(magic, at: start) && has(uuid, at: start + own)
                    && isBlank((start + record)..<(start + record + 8))
            }
            guard isOwn else { return .foreign }
        }
        return .own
    }

    // MARK: - btrfs

    /// Btrfs On-disk Format: superblocks and the headers of nodes have the UUID at the same place.
    func ofBtrfs(
        _ uuid: [UInt8], _ device: borrowing Descriptor, _ path: String
    ) throws(StorageError) -> Verdict {
        if has("BHRfS_M", at: 65), has(uuid, at: 32) {
            let isNew = bytes.count >= 4096 && !FilesystemUse.hasBegun(btrfs: bytes)
            return isNew && bytes.little(0x48, 8) <= Self.lastBtrfsGeneration ? .own : .foreign
        }
        let header = try device.bytes(at: offset & ~16383, count: 88, path)
        guard header[32..<48].elementsEqual(uuid) else { return .foreign }
        return (0...Self.lastBtrfsGeneration).contains(header.little(0x50, 8)) ? .own : .foreign
    }

    /// With how many commits mkfs.btrfs of btrfs-progs 6.2 makes a filesystem of any size. A mount begins with the
    /// next one.
    private static let lastBtrfsGeneration: Int64 = 6

    // MARK: - ext4

    /// Linux: Documentation/filesystems/ext4, for blocks of 4 KiB.
    func ofExt4(_ uuid: [UInt8], blocks: Int64) -> Verdict {
        guard bytes.count == 4096 else { return .foreign }
        for start in [0, 1024] where bytes[start + 0x38] == 0x53 && bytes[start + 0x39] == 0xEF {
            if has(uuid, at: start + 0x68), isBlank(0..<start), isBlank((start + 1024)..<4096) { return .own }
        }
        let seed = Checksum.castagnoli.update(~0, uuid)
        if areDescriptors(seed) || areInodes(seed) { return .own }
        if isDirectory || isJournal || isOrphanFile || isExtentBlock || arePointers(below: blocks) || isBitmap {
            return .plausible
        }
        return .foreign
    }

    /// Group descriptors, in the blocks behind a superblock.
    private func areDescriptors(_ seed: UInt32) -> Bool {
        let first = (offset / 4096 % 32768 - 1) * 64
        guard first >= 0 else { return false }
        for slot in 0..<64 where !isBlank((slot * 64)..<(slot * 64 + 64)) {
            let number = UInt32(truncatingIfNeeded: first + Int64(slot))
            var sum = Checksum.castagnoli.update(seed, number.littleEndianBytes)
            var descriptor = bytes[(slot * 64)..<(slot * 64 + 64)]
            let at = descriptor.startIndex + 0x1E
            let stored = UInt32(descriptor[at]) | UInt32(descriptor[at + 1]) << 8
            descriptor[at] = 0
            descriptor[at + 1] = 0
            sum = Checksum.castagnoli.update(sum, descriptor)
            guard sum & 0xFFFF == stored else { return false }
        }
        return true
    }

    /// Inodes of 256 bytes, of the first 16.
    private func areInodes(_ seed: UInt32) -> Bool {
        for start in stride(from: 0, to: 4096, by: 256) where !isBlank(start..<(start + 256)) {
            var inode = [UInt8](bytes[start..<(start + 256)])
            let stored = UInt32(inode.little(0x7C, 2)) | UInt32(inode.little(0x82, 2)) << 16
            inode.replaceSubrange(0x7C..<0x7E, with: [0, 0])
            inode.replaceSubrange(0x82..<0x84, with: [0, 0])
            let isRight = (1...16 as ClosedRange<UInt32>).contains { number in
                let ofNumber = Checksum.castagnoli.update(seed, number.littleEndianBytes)
                let ofGeneration = Checksum.castagnoli.update(ofNumber, inode[0x64..<0x68])
                return Checksum.castagnoli.update(ofGeneration, inode) == stored
            }
            guard isRight else { return false }
        }
        return true
    }

    /// A block of the root directory or of lost+found.
    private var isDirectory: Bool {
        guard isBlank(64..<4084) else { return false }
        // An entry that is free, as long as the block.
        if bytes.little(0, 4) == 0 { return bytes.little(4, 2) >= 4084 && isBlank(6..<64) }
        return [2, 11].contains(bytes.little(0, 4)) && bytes.little(4, 2) == 12 && bytes[6] == 1 && has(".", at: 8)
            && bytes.little(12, 4) == 2 && bytes[18] == 2 && has("..", at: 20)
            && (isBlank(24..<64) || has("lost+found", at: 32))
    }

    /// The journal's superblock, as it is before the first transaction (Linux:
    /// Documentation/filesystems/ext4/journal.rst, s_sequence and s_start).
    private var isJournal: Bool {
        bytes.starts(with: [0xC0, 0x3B, 0x39, 0x98, 0, 0, 0, 4]) && isBlank(1024..<4096)
            && bytes.big(0x18, 4) == 1 && bytes.big(0x1C, 4) == 0
    }

    private var isOrphanFile: Bool { isBlank(0..<4088) && bytes.little(4088, 4) == 0x0B10_CA04 }

    private var isExtentBlock: Bool {
        let count = Int(bytes.little(2, 2))
        return bytes.little(0, 2) == 0xF30A && count <= 340 && bytes.little(4, 2) == 340
            && isBlank((12 + count * 12)..<4092)
    }

    /// Numbers of blocks that are kept for more group descriptors: one run, ascending.
    private func arePointers(below blocks: Int64) -> Bool {
        var last: Int64 = 0
        var hasEnded = false
        for start in stride(from: 0, to: 4096, by: 4) {
            let number = bytes.little(start, 4)
            if number == 0 {
                hasEnded = last != 0
                continue
            }
            guard !hasEnded, number > last, number < blocks else { return false }
            last = number
        }
        return true
    }

    /// What is used of a group: at least the 11 inodes that every filesystem has, in few runs, from the start or,
    /// as padding, at the end.
    private var isBitmap: Bool {
        guard bytes[0] & 1 == 1 || bytes[4095] & 0x80 != 0 else { return false }
        var (runs, ones) = (1, 0)
        var last = bytes[0] & 1
        for byte in bytes {
            // The common cases.
            if byte == 0xFF, last == 1 {
                ones += 8
                continue
            }
            if byte == 0, last == 0 { continue }
            for bit in 0..<8 {
                let now = byte >> bit & 1
                ones += Int(now)
                if now != last { runs += 1 }
                last = now
            }
            if runs > 6 { return false }
        }
        return ones >= 11 && ones < 32768
    }
}

extension UInt32 {
    fileprivate var littleEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }
}
