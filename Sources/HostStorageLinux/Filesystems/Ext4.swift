// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import HostStorage

/// ext2, ext3 and ext4. Source of all that is read here: Linux, Documentation/filesystems/ext4/super.rst.
struct Ext4: FilesystemDriver {
    static let facts = FilesystemFacts(
        names: ["ext4", "ext3", "ext2"], family: "ext", package: "e2fsprogs", makingTool: "mkfs.ext4", takesUUID: true,
        check: ("e2fsck", ["-f", "-n"]), mountHelpers: [])
    let type: String

    /// -m 0: blocks reserved for root are no use on a volume of data (as Kubernetes has it).
    func makingArguments(_ device: borrowing BlankVolume, uuid: String) -> [String] {
        ["-q", "-m", "0", "-U", uuid] + Self.growthOptions(size: device.size) + ["--", device.path]
    }

    /// An ext4 is made so that it can grow from any size to any other. By itself its tool gives small volumes blocks of
    /// 1 KiB, with which a filesystem ends at some hundred GiB, and more inodes than 32 bits can count once it is large.
    private static func growthOptions(size: Int64) -> [String] {
        var extended = "nodiscard,lazy_itable_init=1"
        // Room for the descriptors of 2 TiB, which the tool itself leaves from 2 GiB on; a mebibyte or so in each copy.
        // Growth beyond it is possible too, it only lays the descriptors out anew. A mounted filesystem grows in
        // transactions that hold all this room, and the journal of one below 128 MiB (1024 blocks) has place for half.
        if size >= 64 << 20, size < 2 << 30 {
            extended += ",resize=\((size < 130 << 20 ? 1 << 40 : 2 << 40) / 4096)"
        }
        return ["-b", "4096"] + (size < 512 << 20 ? ["-i", "16384"] : []) + ["-E", extended]
    }

    // MARK: - What is on the device

    private static func superblockBytes(_ device: any ByteSource, from start: Int64 = 0) throws(StorageError) -> [UInt8]
    {
        try device.bytes(at: start + 1024, count: 1024)
    }

    func readSuperblock(of device: any ByteSource, from start: Int64) throws(StorageError) -> Superblock? {
        Self.figures(in: try Self.superblockBytes(device, from: start))
    }

    static func figures(in superblock: [UInt8]) -> Superblock {
        let is64Bit = superblock.little(0x60, 4) & 0x80 != 0
        return Superblock(
            blockSize: 1024 << min(superblock.little(0x18, 4), 6),
            blocks: superblock.little(0x04, 4) + (is64Bit ? superblock.little(0x150, 4) << 32 : 0),
            freeBlocks: superblock.little(0x0C, 4) + (is64Bit ? superblock.little(0x158, 4) << 32 : 0))
    }

    func wasUsed(_ volume: OpenVolume) throws(StorageError) -> Bool {
        Self.wasMounted(try Self.superblockBytes(volume))
    }

    /// s_mtime and s_mnt_count
    private static func wasMounted(_ superblock: [UInt8]) -> Bool {
        superblock.little(0x2C, 4) != 0 || superblock.little(0x34, 2) != 0
    }

    /// Not cleanly closed, though never mounted.
    func isUnfinished(_ volume: OpenVolume) throws(StorageError) -> Bool {
        let bytes = try Self.superblockBytes(volume)
        return bytes.little(0x3A, 2) & 1 == 0 && !Self.wasMounted(bytes)
    }

    func origin(of page: Page, _ uuid: [UInt8], on volume: OpenVolume) throws(StorageError) -> Page.Origin {
        page.originOfExt4(uuid, blocks: volume.device.size / 4096)
    }

    /// A copy of the superblock names its group.
    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        guard place > 0, bytes.count >= 1024, bytes[0x38] == 0x53, bytes[0x39] == 0xEF, bytes.little(0x18, 4) <= 6
        else { return false }
        let block = Int64(1024) << bytes.little(0x18, 4)
        let (perGroup, first, group) = (bytes.little(0x20, 4), bytes.little(0x14, 4), bytes.little(0x5A, 2))
        let inGroups = place / block - first
        return perGroup > 0 && first <= 1 && place % block == 0 && inGroups > 0 && inGroups % perGroup == 0
            && inGroups / perGroup & 0xFFFF == group
    }

    // MARK: - Checks

    /// s_state and s_feature_incompat
    func reasonToPreen(_ volume: OpenVolume) throws(StorageError) -> String? {
        let bytes = try Self.superblockBytes(volume)
        let (state, needsRecovery) = (bytes.little(0x3A, 2), bytes.little(0x60, 4) & 0x4 != 0)
        if state & 0x2 != 0 { return "the kernel found errors in it" }
        if state & 0x1 == 0, !needsRecovery { return "it was not unmounted" }
        return nil
    }

    /// e2fsck(8), -p.
    func preenRun(on volume: OpenVolume) throws(StorageError) -> ToolRun {
        var run = try run("e2fsck", ["-p"], on: volume)
        run.isSuccess = { _ in true }
        return run
    }

    // MARK: - Size and growth

    /// The kernel writes the superblock through the device's own page cache, so it is right while mounted too.
    func mountedBytes(of volume: OpenVolume, at place: OpenDirectory) throws(StorageError) -> Int64 {
        try superblock(of: volume).totalBytes
    }

    func endsWithItsSize(on volume: OpenVolume) throws(StorageError) -> Bool { true }

    func leastGrowth(of volume: OpenVolume) throws(StorageError) -> Int64 {
        try ExtLimits(of: volume).leastGrowth
    }

    func prepare(_ growth: FilesystemGrowth, to size: Int64) throws(StorageError) -> FilesystemGrowth.Way {
        let volume = growth.volume
        let limits = try ExtLimits(of: volume)
        let isMounted = try volume.isClaimed()
        try limits.requireRoom(size, isMounted: isMounted)
        guard isMounted else {
            try growth.requireUnused()
            return .tool
        }
        let top = try growth.directory()
        guard try Capabilities.own().contains(.sysResource) else {
            throw StorageError(
                .failedPrecondition,
                "growing a mounted \(type) takes CAP_SYS_RESOURCE, which this process does not have; unmount it first",
                subject: volume.path)
        }
        return .kernel(top)
    }

    func grow(_ volume: OpenVolume, through top: OpenDirectory, to size: Int64) throws(StorageError) {
        let superblock = try superblock(of: volume)
        let blocks = size / superblock.blockSize
        guard superblock.blocks < blocks else { return }
        try check(cls_ext4_grow(top.descriptor.raw, UInt64(blocks)), "EXT4_IOC_RESIZE_FS", volume.path)
    }

    /// resize2fs wants a filesystem that was just checked. 1: errors were corrected (e2fsck(8)).
    func checkRun(on volume: OpenVolume) throws(StorageError) -> ToolRun {
        var run = try run("e2fsck", ["-f", "-p"], on: volume)
        run.isSuccess = { $0 & ~1 == 0 }
        return run
    }

    func growthRuns(on volume: OpenVolume) throws(StorageError) -> [ToolRun] {
        let growth = try run("resize2fs", [], on: volume)
        // resize2fs 1.47.0 leaves the checksum of an orphan file wrong, with which the kernel mounts nothing.
        return try ExtLimits(of: volume).hasOrphanFile ? [growth, checkRun(on: volume)] : [growth]
    }
}
