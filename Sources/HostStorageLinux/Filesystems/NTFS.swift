// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// ntfs, by the kernel's ntfs3 or by the FUSE driver ntfs-3g.
struct NTFS: FilesystemDriver {
    static let facts = FilesystemFacts(
        names: ["ntfs"], package: "ntfs-3g", makingTool: "mkfs.ntfs", check: ("ntfsfix", ["-n"]),
        toolsClaimTheirDevice: false, kernelName: "ntfs3", mountHelpers: ["ntfs-3g", "ntfs"])
    let type: String

    /// -Q: without it the tool writes zeros over the whole volume.
    func makingArguments(_ device: borrowing BlankVolume, uuid: String) -> [String] {
        ["-q", "-Q", device.path]
    }

    // MARK: - What is on the device

    /// The boot sector's parameter block; the free space is in a bitmap far behind it.
    func readSuperblock(of device: any ByteSource, from start: Int64) throws(StorageError) -> Superblock? {
        let bytes = try device.bytes(at: start, count: 512)
        return Superblock(blockSize: bytes.little(0x0B, 2), blocks: bytes.little(0x28, 8), freeBlocks: nil)
    }

    /// A copy of the boot sector, or of the beginning of the file table, in the middle.
    static func superblockCopies(size: Int64) -> [Range<Int64>] {
        let middle = size / 2 & ~4095
        return [(middle - 65536)..<(middle + 65536 + SuperblockPlaces.length)]
    }

    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        // The copy has the number of sectors before it.
        let sector = bytes.little(0x0B, 2)
        return bytes.has("NTFS    ", at: 3) && sector.nonzeroBitCount == 1
            && bytes.little(0x28, 8).multipliedReportingOverflow(by: sector) == (place, false)
            || isFileTable(bytes, place)
    }

    /// Whether it is one of the records with which the file table begins (Linux: fs/ntfs3/ntfs.h, MFT_REC). mkfs lays
    /// it out at 16 KiB, of which a GPT takes the first record; a record has its number in it.
    private static func isFileTable(_ bytes: [UInt8], _ place: Int64) -> Bool {
        // Where a partition may begin, it may be one of a filesystem in that.
        guard place < 63 * 512, bytes.has("FILE", at: 0) else { return false }
        let number = bytes.little(0x2C, 4)
        return number < 16 && [0x2A, 0x30].contains(bytes.little(4, 2)) && (place - number * 1024) % 4096 == 0
    }

    // MARK: - Growth

    func prepare(_ growth: FilesystemGrowth, to size: Int64) throws(StorageError) -> FilesystemGrowth.Way {
        try growth.requireUnused()
        let path = growth.volume.path
        let boot = try growth.volume.descriptor.bytes(at: 0, count: 512, path)
        let clusters = boot.little(0x0D, 1)
        // From 128 on it is a power of two.
        let cluster = boot.little(0x0B, 2) * (clusters <= 128 ? clusters : 1 << min(32, 256 - clusters))
        let limit = cluster << 32 - cluster
        guard size <= limit else {
            throw StorageError(
                .failedPrecondition,
                "its ntfs has clusters of \(cluster) bytes and can grow to \(limit) bytes, not to \(size)",
                subject: path)
        }
        return .tool
    }

    func checkRun(on volume: OpenVolume) throws(StorageError) -> ToolRun { try resize(volume, ["--info"]) }

    func growthRuns(on volume: OpenVolume) throws(StorageError) -> [ToolRun] { [try resize(volume, [])] }

    private func resize(_ volume: OpenVolume, _ options: [String]) throws(StorageError) -> ToolRun {
        // --force twice: once for the question whether one is sure, once because each growth asks for a check by Windows.
        try run("ntfsresize", options + ["--no-progress-bar", "--force", "--force"], on: volume)
    }
}
