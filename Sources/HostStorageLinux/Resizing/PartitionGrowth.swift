// SPDX-License-Identifier: Apache-2.0

import CLibFdisk
import HostStorage

/// Grows a volume's partition where it stands: on the disk first, then in the kernel.
enum PartitionGrowth {
    /// What a request comes to for this volume. Changes nothing.
    static func plan(_ request: VolumeSize, for volume: OpenVolume) throws(StorageError) -> ResizePlan {
        let size = volume.disk.size
        guard let partition = volume.partition else {
            // A filesystem on the whole disk: the disk has grown already, or it has not.
            return try ResizePlan(requested: request, current: size, maximum: size, ceiling: size)
        }
        let maximum = try maximum(of: partition, on: volume.disk)
        let isAlone = try volume.disk.volumes().count == 1
        return try ResizePlan(
            requested: request, current: partition.size, maximum: maximum, ceiling: isAlone ? size : maximum)
    }

    /// Makes both copies of a GPT agree, and the kernel with them, after a growth that was cut off.
    static func settle(_ partition: PartitionTable.Partition, on disk: OpenDisk) throws(StorageError) {
        if try PartitionTable(of: disk)?.kind == "gpt" { try PartitionWriter(disk).write() }
        try KernelPartitions(disk: disk).resize(partition)
    }

    /// Grows the partition to at least `wanted` bytes, for which there is room.
    static func grow(_ partition: PartitionTable.Partition, to wanted: Int64, on disk: OpenDisk) throws(StorageError) {
        let maximum = try maximum(of: partition, on: disk)
        // On a disk that has grown, the copy of a GPT has to move to the new end before there is room.
        if try PartitionTable(of: disk)?.kind == "gpt" { try PartitionWriter(disk).write() }
        let writer = try PartitionWriter(disk)
        // Whole MiB, so that a partition behind it would start aligned.
        try writer.grow(partition.number, to: min((wanted + mebibyte - 1) / mebibyte * mebibyte, maximum))
        try writer.write()
        guard let grown = try PartitionTable(of: disk)?.partitions.first(where: { $0.number == partition.number }),
            grown.start == partition.start, grown.id == partition.id, grown.size >= wanted
        else {
            throw StorageError(.internalError, "the partition table does not show the growth", subject: disk.path)
        }
        try KernelPartitions(disk: disk).resize(grown)
    }

    private static let mebibyte: Int64 = 1 << 20

    /// The size to which the partition could grow where it stands: up to the next partition, or to the end
    /// of what its kind of table can use of the disk. In bytes, at least its present size.
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
                disk.size - sector
                    - (Int64(try PartitionWriter(disk).entryCount) * 128 + sector - 1) / sector * sector
            // 32-bit numbers of sectors.
            default: min(disk.size, sector << 32)
            }
        for other in table.partitions where other.start > partition.start { end = min(end, other.start) }
        // Whole MiB, as partitions are made: what is left of the last one is not worth growing into.
        return max(partition.size, (end - partition.start) / mebibyte * mebibyte)
    }
}
