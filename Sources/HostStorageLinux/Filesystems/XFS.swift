// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// xfs. Source of all that is read here: XFS Algorithms & Data Structures.
struct XFS: FilesystemDriver {
    static let facts = FilesystemFacts(
        names: ["xfs"], package: "xfsprogs", makingTool: "mkfs.xfs", takesUUID: true, check: ("xfs_repair", ["-n"]),
        mountHelpers: [])
    let type: String

    func makingArguments(_ device: borrowing BlankVolume, uuid: String) -> [String] {
        ["-q", "-K", "-m", "uuid=\(uuid)", "--", device.path]
    }

    // MARK: - What is on the device

    func readSuperblock(of device: any ByteSource, from start: Int64) throws(StorageError) -> Superblock? {
        let bytes = try device.bytes(at: start, count: 512)
        return Superblock(blockSize: bytes.big(4, 4), blocks: bytes.big(8, 8), freeBlocks: bytes.big(144, 8))
    }

    /// "Superblocks" and "Journaling Log". A mount writes to the log before anything else; mkfs has left one record in
    /// it, which says that the filesystem was unmounted.
    func wasUsed(_ volume: OpenVolume) throws(StorageError) -> Bool {
        let bytes = try volume.bytes(at: 0, count: 512)
        // sb_lsn
        if bytes.big(240, 8) != 0 { return true }
        let (block, group, start) = (bytes.big(4, 4), bytes.big(84, 4), bytes.big(48, 8))
        let shift = Int64(min(bytes.little(124, 1), 31))
        let blocks = (start >> shift).multipliedReportingOverflow(by: group)
        guard start > 0, !blocks.overflow, blocks.partialValue < 1 << 50, block <= 65536 else { return true }
        let offset = (blocks.partialValue + start & ((1 << shift) - 1)) * block
        guard offset + 1 << 20 < (try volume.descriptor.blockSize(volume.path)) else { return true }
        let header = try volume.bytes(at: offset, count: 512)
        // Where its first record never came to the disk, the log is blank, or it is none of mkfs's.
        if header.firstIndexOfData == nil {
            return try volume.bytes(at: offset, count: 65536).firstIndexOfData != nil
        }
        let length = header.big(12, 4)
        guard header.starts(with: Self.recordMagic), length <= 262_144 else { return true }
        let next = offset + 512 + (length + 511) / 512 * 512
        return try volume.bytes(at: next, count: 65536).firstIndexOfData != nil
    }

    private static let recordMagic: [UInt8] = [0xFE, 0xED, 0xBA, 0xBE]

    /// "Superblocks": sb_inprogress
    func isUnfinished(_ volume: OpenVolume) throws(StorageError) -> Bool {
        try volume.bytes(at: 126, count: 1) != [0]
    }

    /// Of version 5: every structure with a magic number has the UUID, and the number of the log record by which it was
    /// last written, which is 0 from mkfs.
    func origin(of page: Page, _ uuid: [UInt8], on volume: OpenVolume) throws(StorageError) -> Page.Origin {
        // Offsets of both by magic number: headers of groups, and inodes, a sector each.
        let sectors: [(String, uuid: Int, record: Int)] = [
            ("XFSB", 32, 240), ("XAGF", 64, 208), ("XAGI", 296, 320), ("XAFL", 8, 24), ("IN", 160, 112),
        ]
        let trees = ["AB3B", "AB3C", "IAB3", "FIB3", "RMB3", "R3FC"]
        if trees.contains(where: { page.has($0, at: 0) }), page.has(uuid, at: 32) {
            return page.isBlank(24..<32) ? .own : .foreign
        }
        if page.has("XAFL", at: 0), page.has(uuid, at: 8) { return page.isBlank(24..<32) ? .own : .foreign }
        // The log: mkfs leaves one record, the first.
        if page.bytes.starts(with: Self.recordMagic), page.has(uuid, at: 304) {
            return page.bytes.big(16, 8) == 1 << 32 ? .own : .foreign
        }
        let count = page.bytes.count
        for start in stride(from: 0, to: count, by: 512) where !page.isBlank(start..<min(start + 512, count)) {
            let isOwn = sectors.contains { magic, own, record in
                page.has(magic, at: start) && page.has(uuid, at: start + own)
                    && page.isBlank((start + record)..<(start + record + 8))
            }
            guard isOwn else { return .foreign }
        }
        return .own
    }

    /// The second of 2 to 64 allocation groups that share a device evenly, for every size of blocks, and all groups as
    /// mkfs.xfs lays them out by default (xfsprogs, mkfs/xfs_mkfs.c and libfrog/topology.c,
    /// calc_default_ag_geometry), with and without a stripe.
    static func superblockCopies(size: Int64) -> [Range<Int64>] {
        let length = SuperblockPlaces.length
        // To share the blocks rounds up by less than a block, of which the largest is 64 KiB.
        var places = (2...64).map { count in
            let share = size / Int64(count) & ~4095
            return (share - 65536)..<(share + 65536 + length)
        }
        for shift in 2...5 as ClosedRange<Int64> {
            let count = Int64(1) << shift
            let share = ((size / 4096 + count - 1) >> shift) * 4096
            places += (1..<count).map { ($0 * share)..<($0 * share + length) }
            // The groups begin at stripe units, and not all on one disk of a stripe.
            var unit: Int64 = 128 << 10
            while unit <= 4 << 20 {
                let aligned = (share + unit - 1) / unit * unit
                for start in [aligned - 2 * unit, aligned - unit, aligned, aligned + unit] {
                    places.append(start..<(start + length))
                }
                unit *= 2
            }
        }
        // From 4 TiB on, groups of the greatest size: a block less than 1 TiB.
        for block in [1024, 2048, 4096, 8192, 16384, 32768, 65536] as [Int64] {
            let group = ((1 << 40) - 1) / block * block
            var start = group
            while start < size, places.count < 4096 {
                places.append(start..<(start + length))
                start += group
            }
        }
        return places
    }

    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        // "AG Free Space Management": the header in the second sector.
        if place <= 32768, bytes.has("XAGF", at: 0), bytes.big(8, 4) == 0 { return true }
        // "Superblocks": each group begins with one, and its next sector has the group's number.
        guard place > 0, bytes.count >= 1024, bytes.has("XFSB", at: 0) else { return false }
        let sector = Int(bytes.big(102, 2))
        let group = bytes.big(4, 4).multipliedReportingOverflow(by: bytes.big(84, 4))
        return !group.overflow && group.partialValue > 0 && sector >= 512 && sector + 12 <= bytes.count
            && bytes.has("XAGF", at: sector) && bytes.big(sector + 8, 4) == place / group.partialValue
            && place % group.partialValue == 0
    }

    // MARK: - Size and growth

    func mountedBytes(of volume: OpenVolume, at place: OpenDirectory) throws(StorageError) -> Int64 {
        let geometry = try Geometry(place, volume.path)
        return Int64(geometry.blockSize) * Int64(geometry.blocks)
    }

    func endsWithItsSize(on volume: OpenVolume) throws(StorageError) -> Bool { true }

    func prepare(_ growth: FilesystemGrowth, to size: Int64) throws(StorageError) -> FilesystemGrowth.Way {
        if try !growth.volume.isClaimed() { try growth.requireUnused() }
        return .kernel(try growth.directory())
    }

    func grow(_ volume: OpenVolume, through top: OpenDirectory, to size: Int64) throws(StorageError) {
        let geometry = try Geometry(top, volume.path)
        let wanted = UInt64(size) / UInt64(geometry.blockSize)
        guard wanted > geometry.blocks else { return }
        try check(
            cls_xfs_grow(top.descriptor.raw, wanted, geometry.inodePercent), "XFS_IOC_FSGROWFSDATA", volume.path)
    }

    /// The kernel's numbers for a mounted filesystem.
    private struct Geometry {
        private(set) var blockSize: UInt32 = 0
        private(set) var blocks: UInt64 = 0
        private(set) var inodePercent: UInt32 = 0

        init(_ place: OpenDirectory, _ subject: String) throws(StorageError) {
            try check(
                cls_xfs_geometry(place.descriptor.raw, &blockSize, &blocks, &inodePercent), "XFS_IOC_FSGEOMETRY",
                subject)
        }
    }

    // MARK: - Mounting

    /// Mounts an xfs that the kernel has refused, if that was for its UUID, which another xfs has that is mounted: a
    /// clone's original. The kernel says so in its log alone. "nouuid" lets nothing else pass, but an xfs without a UUID
    /// (Linux: fs/xfs/xfs_mount.c, xfs_uuid_mount).
    func afterRefusal(
        _ refusal: StorageError, of device: VolumeDevice, _ copies: FilesystemCopies,
        mount: ([String]) throws(StorageError) -> Descriptor
    ) throws(StorageError) -> Descriptor {
        guard refusal.isSystemCall(errno: EINVAL) else { throw refusal }
        // "Superblocks": sb_uuid
        let uuid = try Descriptor(opening: device.path, O_RDONLY).bytes(at: 32, count: 16, device.path)
        guard uuid.contains(where: { $0 != 0 }) else { throw refusal }
        do throws(StorageError) {
            switch copies {
            case .mounted: return try mount(["nouuid"])
            case .refused:
                // Writes nothing, and ends at once.
                _ = try mount(["nouuid", "ro", "norecovery"])
            }
        } catch {
            throw refusal
        }
        throw StorageError(
            .failedPrecondition, "an xfs with the same UUID is mounted: it is a copy of that one, or that one of it",
            subject: device.path)
    }
}
