// SPDX-License-Identifier: Apache-2.0

/// FAT, which the kernel mounts. Source: Microsoft, "FAT: General Overview of On-Disk Format".
struct FAT: FilesystemDriver {
    static let facts = FilesystemFacts(names: ["vfat"], mountHelpers: [])
    let type: String

    /// The copy stands in the sector that it names itself.
    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        place > 0 && bytes.has("FAT32   ", at: 0x52) && bytes[510] == 0x55 && bytes[511] == 0xAA
            && bytes.little(0x32, 2) * bytes.little(11, 2) == place
    }
}

/// f2fs, which has no magic number but a place in its first checkpoint. Source: Linux, include/linux/f2fs_fs.h.
struct F2FS: FilesystemDriver {
    static let facts = FilesystemFacts(names: ["f2fs"])
    let type: String

    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        guard bytes.count >= 1024 else { return false }
        // The second superblock, 4 KiB after the first.
        if place == 5120, bytes.little(0, 4) == 0xF2F5_2010 { return true }
        // struct f2fs_checkpoint: how many blocks there are and are used, how long it is and where its checksum is.
        let (blocks, used) = (bytes.little(8, 8), bytes.little(16, 8))
        return place == 2 << 20 && bytes.little(164, 4) == 4092 && blocks > 0 && blocks < size / 4096 && used > 0
            && used <= blocks && (2...512).contains(bytes.little(136, 4))
    }
}

/// ocfs2. Source: Linux, fs/ocfs2/ocfs2_fs.h.
struct OCFS2: FilesystemDriver {
    static let facts = FilesystemFacts(names: ["ocfs2"])
    let type: String

    /// The copies stand at 1 GiB, 4 GiB and so on.
    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        bytes.count >= 1024 && bytes.has("OCFSV2", at: 0) && place >= 1 << 30 && place.nonzeroBitCount == 1
    }
}

/// LUKS, which is no filesystem and never mounted, and takes a whole disk like one. Source: cryptsetup,
/// docs/on-disk-format-luks2.pdf, 2.1.
struct LUKS: FilesystemDriver {
    static let facts = FilesystemFacts(names: ["crypto_LUKS"])
    let type: String

    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        place > 0 && bytes.count >= 1024 && bytes.starts(with: Array("SKUL".utf8) + [0xBA, 0xBE])
            && bytes.big(256, 8) == place
    }
}
