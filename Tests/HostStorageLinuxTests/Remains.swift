// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks
import Testing

/// Content of a device that libblkid, or a careless tool, takes for blank or mistakes for something else.
struct Remains: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The words of a refusal about it, given the device's size.
    let words: @Sendable (Int64) -> [String]
    let put: @Sendable (RawDevice) throws -> Void

    init(_ name: String, _ words: String..., put: @escaping @Sendable (RawDevice) throws -> Void) {
        testDescription = name
        self.words = { _ in words }
        self.put = put
    }

    /// Bytes at one place, for which a refusal has `word` and that place.
    init(
        _ name: String, _ word: String, _ bytes: [UInt8],
        at offset: @escaping @Sendable (_ size: Int64) -> Int64
    ) {
        testDescription = name
        words = { [word, "at offset \(offset($0))"] }
        put = { try $0.write(bytes, at: offset($0.size)) }
    }

    static let all = [
        Remains("ext4", "ext4 with UUID", "at offset 1080") { try Command.run("mkfs.ext4", "-q", $0.path) },
        Remains("xfs", "xfs with UUID", "at offset 0") { try Command.run("mkfs.xfs", "-q", $0.path) },
        Remains("swap", "swap with UUID", "at offset 4086") { try Command.run("mkswap", $0.path) },
        Remains("a partition table", "a partition table of type dos", "at offset 510") {
            try Command.run("sh", "-c", "echo ,,83 | sfdisk -q --no-reread --no-tell-kernel --label dos $0", $0.path)
        },
        Remains("LUKS", "crypto_LUKS with UUID", "at offset 0") {
            let speed = "--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
            try Command.run("sh", "-c", "printf secret | cryptsetup luksFormat -q \(speed) \($0.path) -")
        },
        Remains("LUKS2, the second header alone", "crypto_LUKS", luks2(at: 0x4000), at: { _ in 0x4000 }),
        Remains("an LVM physical volume", "LVM2_member with UUID", "at offset 536") {
            try Command.run("pvcreate", "-q", $0.path)
        },
        Remains("a RAID member", "linux_raid_member", raid(at: 4096), at: { _ in 4096 }),
        Remains("a RAID member by its tail", "linux_raid_member") {
            // MD 1.0: 8 KiB before the end, on a multiple of 4 KiB.
            let place = ($0.size - 8192) & ~4095
            try $0.write(raid(at: place), at: place)
        },
        Remains("zfs", "zfs_member") { device in
            // Uberblocks: their magic number and version, at 128 KiB of the first label.
            for index in 0..<8 {
                try device.write(little(0x00BA_B10C, 8) + little(5000, 8), at: 128 << 10 + Int64(index) << 10)
            }
        },
        Remains(
            "xfs and swap", "more than one filesystem", "xfs at offset 0", "swap at offset 4086"
        ) {
            try Command.run("mkfs.xfs", "-q", $0.path)
            try $0.write(little(1, 4) + little(1000, 4), at: 1024)
            try $0.write(Array("SWAPSPACE2".utf8), at: 4086)
        },
        Remains("random bytes", "unknown data", noise, at: { _ in 0 }),
        Remains("random bytes somewhere in the head", "unknown data", noise, at: { _ in 300 << 12 }),
        Remains("one byte at the very end", "unknown data", [1], at: { $0 - 1 }),
        Remains("a LUKS2 header of no valid offset", "unknown data", noise, at: { _ in 4 << 20 }),
        Remains("the ext4 superblock's first copy alone", "unknown data", [0x53, 0xEF], at: { _ in 32768 << 12 + 56 }),
        Remains("the btrfs superblock's first copy alone", "unknown data", noise, at: { _ in 64 << 20 }),
        Remains("an xfs whose head was zeroed", "unknown data") {
            try Command.run("mkfs.xfs", "-q", $0.path)
            try $0.write([UInt8](repeating: 0, count: 4 << 20), at: 0)
        },
    ]

    /// cryptsetup, docs/on-disk-format-luks2.pdf, 2.1: the binary header, as the second copy has it.
    private static func luks2(at offset: Int64) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: 4096)
        header.replace(at: 0, Array("SKUL".utf8) + [0xBA, 0xBE, 0, 2] + little(16384, 8).reversed())
        header.replace(at: 168, Array("01234567-89ab-cdef-0123-456789abcdef".utf8))
        header.replace(at: 256, little(offset, 8).reversed())
        return header
    }

    /// Version 1 (Linux: include/uapi/linux/raid/md_p.h).
    private static func raid(at offset: Int64) -> [UInt8] {
        var superblock = [UInt8](repeating: 0, count: 256)
        superblock.replace(at: 0, little(0xA92B_4EFC, 4) + little(1, 4))
        superblock.replace(at: 16, Array(1...16))
        superblock.replace(at: 144, little(offset / 512, 8))
        return superblock
    }

    /// Without a zero among them.
    private static let noise = (0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7) | 1 }
}

/// A disk or a partition by its device.
struct RawDevice {
    let path: String
    let size: Int64

    init(_ path: String) throws {
        self.path = path
        size = try #require(Int64(try Command.run("blockdev", "--getsize64", path)))
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? handle.close() }
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data(bytes))
        try handle.synchronize()
    }
}

private func little(_ number: Int64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
}

extension [UInt8] {
    fileprivate mutating func replace(at offset: Int, _ bytes: [UInt8]) {
        replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }
}
