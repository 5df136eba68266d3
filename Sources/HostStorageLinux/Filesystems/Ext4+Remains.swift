// SPDX-License-Identifier: Apache-2.0

/// What mkfs.ext4 writes besides the superblock (Linux: Documentation/filesystems/ext4), for blocks of 4 KiB.
extension Page {
    func originOfExt4(_ uuid: [UInt8], blocks: Int64) -> Origin {
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

    /// The use of a group, as a bitmap: at least the 11 inodes that every filesystem has, in few runs, from the start
    /// or, as padding, at the end.
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
