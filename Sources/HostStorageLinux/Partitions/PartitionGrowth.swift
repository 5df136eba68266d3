// SPDX-License-Identifier: Apache-2.0

import CLibFdisk
import HostStorage

/// Grows a volume's partition where it stands: on the disk first, then in the kernel.
enum PartitionGrowth {
    /// The outcome of a request for this volume. Changes nothing.
    static func plan(_ request: VolumeSize, for volume: OpenVolume) throws(StorageError) -> ResizePlan {
        let size = volume.disk.size
        guard let partition = volume.partition else {
            // A filesystem on the whole disk: the disk has grown already, or it has not.
            return try ResizePlan(requested: request, current: size, maximum: size, ceiling: size)
        }
        let maximum = try maximum(of: partition, on: volume.disk)
        let isAlone = try (PartitionTable(of: volume.disk)?.partitions.count { !$0.isReserved } ?? 1) == 1
        // The most that a table, its alignment and a partition of Windows' own (MSR) take.
        let isRest = size - maximum <= min(160 << 20, size / 2)
        let plan = try ResizePlan(
            requested: request, current: partition.size, maximum: maximum, ceiling: isAlone && isRest ? size : maximum)
        guard case .grow(let bytes) = plan else { return plan }
        // A partition ends where a sector does.
        let sector = Int64(volume.disk.sectorSize)
        let whole = min((bytes + sector - 1) / sector * sector, maximum)
        try requirePossible(partition, to: whole, on: volume.disk)
        return .grow(to: whole)
    }

    /// Does it in memory, to get libfdisk's result.
    private static func requirePossible(
        _ partition: PartitionTable.Partition, to size: Int64, on disk: OpenDisk
    ) throws(StorageError) {
        guard try PartitionTable(of: disk)?.kind != "gpt" else { return }
        do throws(StorageError) {
            try PartitionWriter(disk).grow(partition.number, to: size)
        } catch {
            throw StorageError(
                .failedPrecondition, "partition \(partition.number) cannot grow in this kind of partition table",
                subject: disk.path, cause: error.cause)
        }
    }

    /// Makes both copies of a GPT agree, and the kernel with them, after a growth that was cut off.
    static func settle(_ partition: PartitionTable.Partition, on disk: OpenDisk) throws(StorageError) {
        if try PartitionTable(of: disk)?.kind == "gpt" { try PartitionWriter(disk).write() }
        try KernelPartitions(disk: disk).resize(partition)
    }

    /// Grows the partition to `wanted` bytes, whole sectors for which there is room.
    static func grow(_ partition: PartitionTable.Partition, to wanted: Int64, on disk: OpenDisk) throws(StorageError) {
        // On a disk that has grown, the copy of a GPT has to move to the new end before there is room.
        if try PartitionTable(of: disk)?.kind == "gpt" { try PartitionWriter(disk).write() }
        let writer = try PartitionWriter(disk)
        try writer.grow(partition.number, to: wanted)
        try writer.write()
        guard let grown = try PartitionTable(of: disk)?.partitions.first(where: { $0.number == partition.number }),
            grown.start == partition.start, grown.id == partition.id, grown.size == wanted
        else {
            throw StorageError(.internalError, "the partition table does not show the growth", subject: disk.path)
        }
        try KernelPartitions(disk: disk).resize(grown)
    }

    /// Fails where the volume would grow over bytes that are not blank. Changes nothing.
    ///
    /// - Parameter begun: so many bytes of the volume may hold data of an earlier growth.
    static func requireRoom(
        _ plan: ResizePlan, for volume: OpenVolume, _ driver: any FilesystemDriver, beyond begun: Int64
    ) throws(StorageError) {
        var end = volume.device.size
        if let partition = volume.partition {
            end = partition.range.upperBound
            if case .grow(let bytes) = plan { end = partition.start + bytes }
        }
        try PartitionRoom.requireBlank(behind: volume, driver, to: end, beyond: begun)
    }

    /// The size to which the partition could grow where it stands: up to the next partition, or to the last sector that
    /// its kind of table can use of the disk. In bytes, at least its present size.
    private static func maximum(
        of partition: PartitionTable.Partition, on disk: OpenDisk
    ) throws(StorageError) -> Int64 {
        guard let table = try PartitionTable(of: disk) else {
            throw StorageError(.internalError, "the partition table is gone", subject: disk.path)
        }
        let sector = Int64(disk.sectorSize)
        var end: Int64 =
            switch table.kind {
            // UEFI 2.10, 5.3.1: at the end stand a copy of the entries and, in the last sector, of the header.
            case "gpt":
                disk.size / sector * sector - sector
                    - (Int64(try PartitionWriter(disk).entryCount) * 128 + sector - 1) / sector * sector
            // 32-bit numbers of sectors.
            default: min(disk.size / sector * sector, sector << 32)
            }
        var starts = table.partitions.map(\.start)
        if let box = table.partitions.first(where: { $0.isExtended && $0.holds(partition) }) {
            // A logical partition ends where its box does, and before the record of the next.
            end = min(end, box.start + box.size)
            starts += try ExtendedPartition.records(of: box, on: disk)
        }
        for start in starts where start > partition.start { end = min(end, start) }
        return max(partition.size, (end - partition.start) / sector * sector)
    }
}

extension PartitionTable.Partition {
    /// Whether it is a box for logical partitions.
    var isExtended: Bool { ["0x5", "0xf", "0x85"].contains(type) }

    fileprivate func holds(_ other: PartitionTable.Partition) -> Bool {
        number.rawValue <= 4 && other.number.rawValue > 4
    }
}

/// The chain of records in an extended partition, each a sector that stands before the logical partition that it is of.
enum ExtendedPartition {
    /// Where they stand, in bytes from the start of the disk.
    static func records(of box: PartitionTable.Partition, on disk: OpenDisk) throws(StorageError) -> [Int64] {
        let sector = Int64(disk.sectorSize)
        var records: [Int64] = []
        var place = box.start
        while !records.contains(place), records.count < 1024, place < box.start + box.size {
            records.append(place)
            let record = try disk.bytes(at: place, count: 512)
            guard record.little(510, 2) == 0xAA55 else { break }
            // Four entries of 16 bytes, of which one points to the next record, counted from the start of the box.
            let next = (0..<4).map { 446 + 16 * $0 }.first { [0x05, 0x0F, 0x85].contains(record[$0 + 4]) }
            guard let next, record.little(next + 12, 4) != 0 else { break }
            place = box.start + record.little(next + 8, 4) * sector
        }
        return records
    }
}
