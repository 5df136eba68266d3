// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// A block device that a volume is on: a partition's, or that of a whole disk.
struct VolumeDevice: Sendable, Hashable {
    let name: String
    let device: DeviceNumber
    /// In bytes.
    let size: Int64

    var path: String { "/dev/\(name)" }
}

extension OpenDisk {
    /// The device of the disk itself.
    var wholeDevice: VolumeDevice { VolumeDevice(name: node.name, device: node.device, size: size) }
}

/// The partitions that the kernel knows of a disk, made to agree with the table on the disk.
///
/// Some kernels read no GPT, and none reads a table again while a partition is in use, so partitions are
/// added, resized and removed one by one (BLKPG, linux/blkpg.h), which works in all cases.
struct KernelPartitions {
    let disk: OpenDisk

    struct Known: Hashable {
        let name: String
        let device: DeviceNumber
        let start: Int64
        let size: Int64
    }

    /// By number, from sysfs, where starts and sizes count in 512-byte sectors.
    func known() throws(StorageError) -> [PartitionNumber: Known] {
        var known: [PartitionNumber: Known] = [:]
        for name in Sysfs.names(in: disk.node.sysfsPath) where name.hasPrefix(disk.node.name) {
            let path = "\(disk.node.sysfsPath)/\(name)"
            guard let number = try Sysfs.number("\(path)/partition"), let start = try Sysfs.number("\(path)/start"),
                let size = try Sysfs.number("\(path)/size"), let device = try Sysfs.device("\(path)/dev")
            else { continue }
            known[PartitionNumber(UInt32(number))] = Known(
                name: name, device: device, start: Int64(start) * 512, size: Int64(size) * 512)
        }
        return known
    }

    /// The device of a partition, which the kernel is told of where it does not know it.
    func device(of partition: PartitionTable.Partition) throws(StorageError) -> VolumeDevice {
        if disk.node.name.hasPrefix("dm-") { return try mapped(partition) }
        if let found = try known()[partition.number] {
            if found.start == partition.start, found.size == partition.size { return try wait(for: found) }
            // Left over from another disk or an older table.
            try remove(partition.number)
        }
        try check(
            cls_partition_add(
                disk.descriptor.raw, Int32(partition.number.rawValue), partition.start, partition.size),
            "BLKPG_ADD_PARTITION", "\(disk.path) partition \(partition.number)")
        guard let added = try known()[partition.number] else {
            throw StorageError(
                .internalError, "the kernel took partition \(partition.number) and does not show it", subject: disk.path
            )
        }
        return try wait(for: added)
    }

    /// Tells the kernel that a partition has grown, also while it is mounted.
    func resize(_ partition: PartitionTable.Partition) throws(StorageError) {
        guard try known()[partition.number]?.size != partition.size else { return }
        try check(
            cls_partition_resize(
                disk.descriptor.raw, Int32(partition.number.rawValue), partition.start, partition.size),
            "BLKPG_RESIZE_PARTITION", "\(disk.path) partition \(partition.number)")
    }

    /// Makes the kernel forget every partition; fails where one is in use.
    func removeAll() throws(StorageError) {
        for number in try known().keys { try remove(number) }
    }

    private func remove(_ number: PartitionNumber) throws(StorageError) {
        try check(
            cls_partition_delete(disk.descriptor.raw, Int32(number.rawValue)), "BLKPG_DEL_PARTITION",
            "\(disk.path) partition \(number)")
    }

    /// The device of a partition of a multipath map. Others make it; this only finds it.
    private func mapped(_ partition: PartitionTable.Partition) throws(StorageError) -> VolumeDevice {
        for holder in Sysfs.names(in: "\(disk.node.sysfsPath)/holders") {
            let path = "/sys/block/\(holder)"
            if try MappedPartition(name: holder)?.number == partition.number,
                let device = try Sysfs.device("\(path)/dev"), let size = try Sysfs.number("\(path)/size")
            {
                return VolumeDevice(name: holder, device: device, size: Int64(size) * 512)
            }
        }
        throw StorageError(
            .failedPrecondition, "partition \(partition.number) of the multipath map has no device; kpartx makes it",
            subject: disk.path)
    }

    /// devtmpfs makes the device node with the partition, a udev that owns /dev a little later.
    private func wait(for known: Known) throws(StorageError) -> VolumeDevice {
        let device = VolumeDevice(name: known.name, device: known.device, size: known.size)
        let found = try BlockEvents.wait(for: .seconds(5)) {
            (try? Descriptor(opening: device.path, O_RDONLY | O_NONBLOCK).status(device.path).special) == known.device
        }
        guard found else {
            throw StorageError(.unavailable, "the device node has not appeared", subject: device.path)
        }
        return device
    }
}
