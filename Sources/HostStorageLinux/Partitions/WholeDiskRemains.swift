// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Signs that a filesystem took the whole disk before somebody wrote a partition table over its beginning.
/// Its first superblock may be lost; its copies lie among the partitions, and each tells where its filesystem
/// begins.
enum WholeDiskRemains {
    /// What there is, and at which offset; nil where nothing tells of such a filesystem.
    static func find(on disk: OpenDisk) throws(StorageError) -> String? {
        let places = SuperblockPlaces.all(size: disk.size) + [0..<65536, (disk.size - 4096)..<disk.size]
        for range in places.merged(within: 0..<disk.size) {
            let bytes = try disk.descriptor.bytes(at: range.lowerBound, count: Int(range.count), disk.path)
            if bytes.firstIndexOfData == nil { continue }
            for offset in stride(from: 0, through: bytes.count - 512, by: 512) {
                let place = range.lowerBound + Int64(offset)
                if let type = type(of: bytes[offset...], at: place, disk.size) {
                    return "a copy of the superblock or a header of a filesystem of type \(type) at offset \(place)"
                }
            }
        }
        return nil
    }

    /// Whether it is one of the records with which ntfs's file table begins (Linux: fs/ntfs3/ntfs.h, MFT_REC). mkfs
    /// lays it out at 16 KiB, of which a GPT takes the first record; a record tells its number.
    private static func isFileTable(_ bytes: [UInt8], _ place: Int64) -> Bool {
        // Where a partition may begin, it may be one of a filesystem in that.
        guard place < 63 * 512, bytes.starts(with: Array("FILE".utf8)) else { return false }
        let number = bytes.little(0x2C, 4)
        return number < 16 && [0x2A, 0x30].contains(bytes.little(4, 2)) && (place - number * 1024) % 4096 == 0
    }

    /// Whether it is f2fs's first checkpoint, which has no magic number but a place (Linux:
    /// include/linux/f2fs_fs.h, struct f2fs_checkpoint): how many blocks there are and are used, how long it is and
    /// where its checksum is.
    private static func isCheckpoint(_ bytes: [UInt8], _ size: Int64) -> Bool {
        let (blocks, used) = (bytes.little(8, 8), bytes.little(16, 8))
        return bytes.little(164, 4) == 4092 && blocks > 0 && blocks < size / 4096 && used > 0 && used <= blocks
            && (2...512).contains(bytes.little(136, 4))
    }

    /// The type of the filesystem that begins with the disk and has a copy of its superblock, or another of its
    /// headers, at this place.
    private static func type(of slice: ArraySlice<UInt8>, at place: Int64, _ size: Int64) -> String? {
        let bytes = [UInt8](slice.prefix(4096))
        func text(_ offset: Int, _ text: String) -> Bool {
            bytes.count >= offset + text.utf8.count && bytes[offset...].starts(with: text.utf8)
        }
        // XFS Algorithms & Data Structures, "AG Free Space Management": the header in the second sector.
        if place <= 32768, text(0, "XAGF"), bytes.big(8, 4) == 0 { return "xfs" }
        // exFAT and NTFS: the copy tells how many sectors are before it.
        if text(3, "NTFS    "), bytes.little(11, 2).nonzeroBitCount == 1,
            bytes.little(0x28, 8).multipliedReportingOverflow(by: bytes.little(11, 2)) == (place, false)
        {
            return "ntfs"
        }
        if place == 6144, text(3, "EXFAT   ") { return "exfat" }
        // Microsoft, "FAT: General Overview of On-Disk Format": the copy stands in the sector that it names itself.
        if place > 0, text(0x52, "FAT32   "), bytes[510] == 0x55, bytes[511] == 0xAA,
            bytes.little(0x32, 2) * bytes.little(11, 2) == place
        {
            return "vfat"
        }
        if isFileTable(bytes, place) { return "ntfs" }
        guard bytes.count >= 1024, place > 0 else { return nil }
        // Linux: Documentation/filesystems/ext4/super.rst
        if bytes[0x38] == 0x53, bytes[0x39] == 0xEF, bytes.little(0x18, 4) <= 6 {
            let block = Int64(1024) << bytes.little(0x18, 4)
            let (perGroup, first, group) = (bytes.little(0x20, 4), bytes.little(0x14, 4), bytes.little(0x5A, 2))
            let inGroups = place / block - first
            if perGroup > 0, first <= 1, place % block == 0, inGroups > 0, inGroups % perGroup == 0,
                inGroups / perGroup & 0xFFFF == group
            {
                return "ext"
            }
        }
        // XFS Algorithms & Data Structures, "Superblocks": each group begins with one, and its next sector tells
        // the group's number.
        if text(0, "XFSB"), bytes.count >= 1024 {
            let sector = Int(bytes.big(102, 2))
            let group = bytes.big(4, 4).multipliedReportingOverflow(by: bytes.big(84, 4))
            if !group.overflow, group.partialValue > 0, sector >= 512, sector + 12 <= bytes.count,
                text(sector, "XAGF"), bytes.big(sector + 8, 4) == place / group.partialValue,
                place % group.partialValue == 0
            {
                return "xfs"
            }
        }
        // Btrfs On-disk Format, "Superblock": where it stands itself.
        if text(64, "_BHRfS_M"), bytes.little(0x30, 8) == place { return "btrfs" }
        // cryptsetup, docs/on-disk-format-luks2.pdf, 2.1
        if bytes.starts(with: Array("SKUL".utf8) + [0xBA, 0xBE]), bytes.big(256, 8) == place { return "crypto_LUKS" }
        // Linux: fs/ocfs2/ocfs2_fs.h: the copies stand at 1 GiB, 4 GiB and so on.
        if text(0, "OCFSV2"), place >= 1 << 30, place.nonzeroBitCount == 1 { return "ocfs2" }
        // Linux: include/linux/f2fs_fs.h: the second, 4 KiB after the first.
        if place == 5120, bytes.little(0, 4) == 0xF2F5_2010 { return "f2fs" }
        if place == 2 << 20, isCheckpoint(bytes, size) { return "f2fs" }
        return nil
    }
}
