// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// exfat. It cannot grow. Source of all that is read here: exFAT file system specification.
struct ExFAT: FilesystemDriver {
    static let facts = FilesystemFacts(
        names: ["exfat"], package: "exfatprogs", makingTool: "mkfs.exfat", check: ("fsck.exfat", ["-n"]))
    let type: String

    func makingArguments(_ device: borrowing BlankVolume, uuid: String) -> [String] { [device.path] }

    /// 3.1; PercentInUse is 255 where it is not kept.
    func readSuperblock(of device: any ByteSource, from start: Int64) throws(StorageError) -> Superblock? {
        let bytes = try device.bytes(at: start, count: 512)
        let (blocks, percent) = (bytes.little(72, 8), bytes.little(112, 1))
        return Superblock(
            blockSize: 1 << min(bytes.little(108, 1), 12), blocks: blocks,
            freeBlocks: percent <= 100 ? blocks * (100 - percent) / 100 : nil)
    }

    /// The backup boot region, 12 sectors behind the first.
    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        place == 6144 && bytes.has("EXFAT   ", at: 3)
    }
}
