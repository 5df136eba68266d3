// SPDX-License-Identifier: Apache-2.0

import CLibFdisk
import HostStorage

/// Grows a volume's partition where it stands, as far as a plan says.
enum PartitionGrowth {
    /// Returns the partition as it is afterwards: on the disk, and known so to the kernel.
    static func apply(
        _ size: VolumeSize, to volume: OpenVolume, minimumGrowth: Int64
    ) throws(StorageError) {
        guard let partition = volume.partition else {
            // A filesystem on the whole disk: the disk has grown already, or it has not.
            _ = try ResizePlan(
                requested: size, current: volume.disk.size, maximum: volume.disk.size, minimumGrowth: minimumGrowth)
            return
        }
        let trial = try PartitionWriter(volume.disk).grow(partition.number)
        let plan = try ResizePlan(
            requested: size, current: partition.size, maximum: max(trial, partition.size),
            minimumGrowth: minimumGrowth)
        guard case .grow(let wanted) = plan else { return }

        let writer = try PartitionWriter(volume.disk)
        // Whole MiB, so that the next partition starts aligned; the very end is taken as it is.
        let mebibyte: Int64 = 1 << 20
        let aligned = min((wanted + mebibyte - 1) / mebibyte * mebibyte, trial)
        _ = try writer.grow(partition.number, to: aligned)
        try writer.write()
        guard let table = try PartitionTable(of: volume.disk),
            let grown = table.partitions.first(where: { $0.number == partition.number }),
            grown.start == partition.start, grown.id == partition.id, grown.size >= wanted
        else {
            throw StorageError(
                .internalError, "the partition table does not show the growth", subject: volume.disk.path)
        }
        try KernelPartitions(disk: volume.disk).resize(grown)
    }
}
