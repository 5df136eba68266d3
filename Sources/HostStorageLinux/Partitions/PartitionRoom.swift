// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import HostStorage

/// Proves that a part of a disk belongs to no other partition or filesystem than the one that is about to be written. A
/// table alone does not show it: it may have been written over a filesystem that is still there.
enum PartitionRoom {
    /// Fails where the table is not all that the disk carries, or where something else than the partition
    /// `number` reaches into `range`.
    static func requireFree(
        _ range: Range<Int64>, of number: PartitionNumber?, in table: PartitionTable, on disk: OpenDisk
    ) throws(StorageError) {
        try requireAlone(table, on: disk)
        guard range.lowerBound >= 0, range.upperBound <= disk.size else {
            throw StorageError(
                .failedPrecondition,
                "its partition table is of another size of disk: a partition ends at \(range.upperBound) of \(disk.size) bytes",
                subject: disk.path)
        }
        for other in table.partitions where !other.isContainer && other.number != number {
            guard !other.range.overlaps(range) else {
                throw StorageError(
                    .failedPrecondition, "partition \(other.number) overlaps the bytes from \(range.lowerBound) on",
                    subject: disk.path)
            }
            if let end = try filesystemEnd(of: other, on: disk), end > range.lowerBound,
                other.start < range.upperBound, end > other.range.upperBound
            {
                throw StorageError(
                    .failedPrecondition,
                    "the filesystem on partition \(other.number) reaches beyond it, to offset \(end), into this one",
                    subject: disk.path)
            }
        }
    }

    /// Fails where a filesystem that begins before `range`, in room that is no partition's, states a size that reaches
    /// into it: its entry may have been deleted from the table. Looked for where partitions begin by custom: behind the
    /// one before, at sector 63, and at whole mebibytes, of which each gap has its first 64.
    static func requireNothingBefore(
        _ range: Range<Int64>, of number: PartitionNumber?, in table: PartitionTable, on disk: OpenDisk
    ) throws(StorageError) {
        let others = table.partitions.filter { !$0.isContainer && $0.number != number }.map(\.range)
        var start: Int64 = 0
        for end in others.filter({ $0.lowerBound < range.lowerBound }).sorted(by: { $0.lowerBound < $1.lowerBound })
            + [range]
        {
            let gap = start..<max(start, end.lowerBound)
            let mebibyte: Int64 = 1 << 20
            let first = (gap.lowerBound + mebibyte - 1) / mebibyte
            let places = Set([gap.lowerBound, 63 * 512] + (first..<first + 64).map { $0 * mebibyte })
            for place in places where place > 0 && gap.contains(place) {
                guard let reach = try filesystemEnd(from: place, within: disk.size, on: disk), reach > range.lowerBound
                else { continue }
                throw StorageError(
                    .failedPrecondition,
                    "a filesystem that begins at offset \(place), where no partition does, reaches to offset \(reach), "
                        + "into this one", subject: disk.path)
            }
            start = max(start, end.upperBound)
        }
    }

    /// Fails where the room that a volume is about to grow over is not blank: the part of its device that its
    /// filesystem leaves, and the part to be added. A filesystem may use the room of a longer device for new
    /// structures.
    ///
    /// - Parameters:
    ///   - end: where on the disk the grown device ends.
    ///   - begun: so many bytes of the volume may hold data of an earlier growth.
    static func requireBlank(
        behind volume: OpenVolume, _ driver: any FilesystemDriver, to end: Int64, beyond begun: Int64
    ) throws(StorageError) {
        let start = volume.partition?.start ?? 0
        var own = volume.device.size
        // Of ntfs the last sector is a copy of its first; a btrfs may be on more devices than this.
        if try driver.endsWithItsSize(on: volume) {
            own = min(own, try driver.totalBytes(of: volume, at: volume.usedDirectory()))
        }
        if let partition = volume.partition, end > partition.range.upperBound,
            let table = try PartitionTable(of: volume.disk)
        {
            try requireFree(partition.start..<end, of: partition.number, in: table, on: volume.disk)
        }
        own = max(own, begun)
        guard end > start + own else { return }
        try requireBlank((start + own)..<end, on: volume.disk)
    }

    /// Fails where bytes into which a partition or its filesystem is to grow are not blank, by a look at these: their
    /// first and last MiB, every place where a filesystem of the whole disk would keep a copy of its superblock, and a
    /// sample. Copies of the disk's own GPT, which an earlier end of the disk has left there, do not count.
    static func requireBlank(_ range: Range<Int64>, on disk: OpenDisk) throws(StorageError) {
        guard !range.isEmpty else { return }
        try check(cls_block_flush_buffers(disk.descriptor.raw), "BLKFLSBUF", disk.path)
        let edge = min(Int64(range.count), 1 << 20)
        var places = [
            range.lowerBound..<(range.lowerBound + edge), (range.upperBound - edge)..<range.upperBound,
        ]
        if range.count <= 16 << 20 {
            places = [range]
        } else {
            places += SuperblockPlaces.all(size: disk.size) + BlankDevice.samples(in: range)
        }
        for place in places.merged(within: range) {
            try disk.descriptor.forEachPiece(of: place, disk.path) { offset, bytes throws(StorageError) in
                var bytes = bytes
                while let index = bytes.firstIndexOfData {
                    let found = offset + Int64(index)
                    guard let old = try oldTable(at: found, on: disk) else {
                        throw StorageError(
                            .failedPrecondition,
                            "it cannot grow: behind it there is unknown data at offset \(found)", subject: disk.path)
                    }
                    for byte in old.clamped(to: offset..<(offset + Int64(bytes.count))) {
                        bytes[Int(byte - offset)] = 0
                    }
                }
                return true
            }
        }
        if range.count >= 1 << 20,
            let found = try BlockProbe(disk.descriptor, disk.path, in: range).superblock()
        {
            throw StorageError(
                .failedPrecondition,
                "it cannot grow: behind it there is \(found.label) from offset \(range.lowerBound)",
                subject: disk.path)
        }
    }

    /// Where the second copy of this disk's GPT stood when the disk was smaller: the entries and, in the sector
    /// behind them, the header, of which `offset` is within.
    private static func oldTable(at offset: Int64, on disk: OpenDisk) throws(StorageError) -> Range<Int64>? {
        let size = Int64(disk.sectorSize)
        let sectors = TableSectors(disk)
        guard let own = try sectors.header(at: size, sector: 1) else { return nil }
        let first = offset / size
        for sector in first...(first + (own.entriesLength + size - 1) / size) {
            guard let header = try sectors.header(at: sector * size, sector: sector), header.diskID == own.diskID,
                header.entriesLength == own.entriesLength, header.entries > 0, header.entries <= first,
                header.entries * size + header.entriesLength <= sector * size
            else { continue }
            return (header.entries * size)..<((sector + 1) * size)
        }
        return nil
    }

    /// Fails where the disk carries anything besides the table.
    private static func requireAlone(_ table: PartitionTable, on disk: OpenDisk) throws(StorageError) {
        let label = BlockProbe.label(of: table.kind, at: nil)
        // The page cache may be stale, and partitions have caches of their own.
        try check(cls_block_flush_buffers(disk.descriptor.raw), "BLKFLSBUF", disk.path)
        if let found = try BlockProbe(disk.descriptor, disk.path).superblock(), !table.isSignWithin(found, disk) {
            throw BlockProbe.conflict([found.label, label], disk.path)
        }
        if let found = try WholeDiskRemains.find(on: disk) { throw BlockProbe.conflict([found, label], disk.path) }
        try requireOwnSectorSize(table, disk)
        guard table.kind == "gpt" else { return }

        let sectors = TableSectors(disk)
        let entries = try sectors.entries()
        if entries.contains(where: { $0.type != 0xEE }) {
            throw BlockProbe.conflict([label, "an MBR that lists partitions too (a hybrid MBR)"], disk.path)
        }
        let size = Int64(disk.sectorSize)
        if try sectors.header(at: size, sector: 1) == nil {
            // Written anew with the next change, from the copy at the end of the disk.
            let bytes = try disk.bytes(at: size, count: Int(size))
            guard bytes.firstIndexOfData == nil || bytes.starts(with: Array("EFI PART".utf8)) else {
                throw BlockProbe.conflict(
                    [label, "unknown data at offset \(size), where its first header belongs"], disk.path)
            }
        }
    }

    /// A table counts in sectors. With sectors of another size its partitions would be elsewhere.
    private static func requireOwnSectorSize(_ table: PartitionTable, _ disk: OpenDisk) throws(StorageError) {
        let own = Int64(disk.sectorSize)
        let sectors = TableSectors(disk)
        if table.kind == "gpt" {
            for size in TableSectors.sizes where size != own {
                if try sectors.header(at: size, sector: 1) != nil { throw DiskLayout.wrongSectorSize(size, disk) }
            }
            return
        }
        // An MBR does not record the size of a sector. The content of its partitions shows it.
        for size in [512, 4096] as [Int64] where size != own {
            for entry in try sectors.entries() {
                let range = (entry.start * size)..<((entry.start + entry.count) * size)
                guard range.upperBound <= disk.size, range.count >= 1 << 20,
                    try recognises(range, on: disk)
                else { continue }
                let ownRange = (entry.start * own)..<((entry.start + entry.count) * own)
                guard ownRange.upperBound <= disk.size, try recognises(ownRange, on: disk) else {
                    throw DiskLayout.wrongSectorSize(size, disk)
                }
            }
        }
    }

    private static func recognises(_ range: Range<Int64>, on disk: OpenDisk) throws(StorageError) -> Bool {
        do throws(StorageError) {
            return try BlockProbe(disk.descriptor, disk.path, in: range).superblock() != nil
        } catch  where error.code == .failedPrecondition {
            return true
        }
    }

    /// Where the filesystem on another partition ends, by its superblock; nil where that does not say.
    private static func filesystemEnd(
        of partition: PartitionTable.Partition, on disk: OpenDisk
    ) throws(StorageError) -> Int64? {
        guard partition.size > 0, partition.range.upperBound <= disk.size else { return nil }
        return try filesystemEnd(from: partition.start, within: partition.range.upperBound, on: disk)
    }

    private static func filesystemEnd(
        from start: Int64, within limit: Int64, on disk: OpenDisk
    ) throws(StorageError) -> Int64? {
        do throws(StorageError) {
            let probe = try BlockProbe(disk.descriptor, disk.path, in: start..<limit)
            guard let found = try probe.superblock(), found.isFilesystem else { return nil }
            let superblock = try FilesystemDrivers.driver(of: found.signature.type)
                .superblock(of: disk, from: start)
            let end = start.addingReportingOverflow(superblock.totalBytes)
            return end.overflow ? .max : end.partialValue
        } catch  where error.code != .inputOutput {
            return nil
        }
    }
}
