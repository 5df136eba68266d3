// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

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

        var volumeDevice: VolumeDevice { VolumeDevice(name: name, device: device, size: size) }

        func resized(to size: Int64) -> Known { Known(name: name, device: device, start: start, size: size) }
    }

    /// By number, from sysfs, where starts and sizes count in 512-byte sectors.
    func known() throws(StorageError) -> [PartitionNumber: Known] {
        var known: [PartitionNumber: Known] = [:]
        for name in try Sysfs.names(in: disk.node.sysfsPath) where name.hasPrefix(disk.node.name) {
            let path = "\(disk.node.sysfsPath)/\(name)"
            guard let number = try Sysfs.number("\(path)/partition"), let start = try Sysfs.number("\(path)/start"),
                let size = try Sysfs.number("\(path)/size"), let device = try Sysfs.device("\(path)/dev")
            else { continue }
            known[PartitionNumber(UInt32(number))] = Known(
                name: name, device: device, start: Int64(start) * 512, size: Int64(size) * 512)
        }
        return known
    }

    /// The device of a partition. Adds the partition to the kernel's where it is missing or differs.
    ///
    /// A partition in use is never taken from the kernel: it grows where it stands.
    ///
    /// - Parameter asUsed: where the partition is in use as the table does not have it any more, whether the device that
    ///   is in use is meant. Else that is an error.
    func device(of partition: PartitionTable.Partition, asUsed: Bool = false) throws(StorageError) -> VolumeDevice {
        if disk.node.name.hasPrefix("dm-") { return try mapped(partition) }
        guard partition.range.upperBound <= disk.size else {
            throw StorageError(
                .failedPrecondition,
                "partition \(partition.number) ends at \(partition.range.upperBound) of \(disk.size) bytes",
                subject: disk.path)
        }
        if let (number, found) = try standing(at: partition) {
            if found.size == partition.size { return try wait(for: found) }
            do throws(StorageError) {
                let isLonger = partition.size > found.size
                if try isLonger ? true : !isInUse(found) {
                    // An earlier call was ended between the table and the kernel, or another program has changed the table.
                    try resize(partition)
                    return try wait(for: found.resized(to: partition.size))
                }
                // Shorter now.
                try remove(found, number)
            } catch  where error.code == .busy {
                if asUsed { return try wait(for: found) }
                throw displaced(partition, found, error)
            }
        } else if let found = try known()[partition.number] {
            // Left over from another disk or an older table. A partition elsewhere is another volume.
            do throws(StorageError) {
                try remove(found, partition.number)
            } catch  where error.code == .busy {
                throw displaced(partition, found, error)
            }
        }
        try removeRemains(in: partition.start..<partition.start + partition.size, besides: partition.number)
        try check(
            cls_partition_add(
                disk.descriptor.raw, Int32(partition.number.rawValue), partition.start, partition.size),
            "BLKPG_ADD_PARTITION", "\(disk.path) partition \(partition.number)")
        return try wait(for: try known(partition))
    }

    /// The kernel's partition at the start of this one. Its number there may be another than in the table: other
    /// programs renumber tables.
    private func standing(
        at partition: PartitionTable.Partition
    ) throws(StorageError) -> (number: PartitionNumber, known: Known)? {
        let all = try known()
        if let own = all[partition.number], own.start == partition.start { return (partition.number, own) }
        return all.first { $0.value.start == partition.start }.map { ($0.key, $0.value) }
    }

    private func known(_ partition: PartitionTable.Partition) throws(StorageError) -> Known {
        if let known = try known()[partition.number] { return known }
        throw StorageError(
            .internalError, "the kernel took partition \(partition.number) and does not show it", subject: disk.path)
    }

    private func displaced(
        _ partition: PartitionTable.Partition, _ found: Known, _ refusal: StorageError
    ) -> StorageError {
        StorageError(
            .failedPrecondition,
            "partition \(partition.number) is in use as the kernel knows it (\(found.size) bytes at offset \(found.start)), "
                + "and the partition table has \(partition.size) bytes at offset \(partition.start); "
                + "until it is unused, the volume can only be asked and unmounted, and only where it still begins there",
            subject: disk.path, cause: refusal.cause
        ).held(by: refusal.holders.isEmpty ? Holders.ofDevice(found.volumeDevice) : refusal.holders)
    }

    /// Gives the kernel a partition's new size, also while it is mounted.
    func resize(_ partition: PartitionTable.Partition) throws(StorageError) {
        let standing = try standing(at: partition)
        guard standing?.known.size != partition.size else { return }
        let number = standing?.number ?? partition.number
        try removeRemains(in: partition.start..<partition.start + partition.size, besides: number)
        try check(
            cls_partition_resize(disk.descriptor.raw, Int32(number.rawValue), partition.start, partition.size),
            "BLKPG_RESIZE_PARTITION", "\(disk.path) partition \(partition.number)")
    }

    /// Removes the kernel's partitions in a range of the disk that the table does not have: they would keep a new
    /// partition from that place. Fails where one is in use.
    private func removeRemains(in range: Range<Int64>, besides own: PartitionNumber) throws(StorageError) {
        for (number, known) in try known() where number != own {
            guard range.overlaps(known.start..<known.start + known.size) else { continue }
            try BriefHold.outlast { () throws(StorageError) in try remove(known, number) }
        }
    }

    /// Removes the kernel's partitions in the way of one that is to grow.
    func makeRoom(for partition: PartitionTable.Partition, toGrowTo size: Int64) throws(StorageError) {
        try removeRemains(
            in: partition.start..<partition.start + size,
            besides: try standing(at: partition)?.number ?? partition.number)
    }

    private func isInUse(_ known: Known) throws(StorageError) -> Bool {
        do throws(StorageError) {
            return try BriefHold.isBusy { () throws(StorageError) in
                _ = try Descriptor.claim(known.volumeDevice, O_RDONLY)
            }
        } catch  where error.code == .notFound {
            // Its node has gone or has not come yet.
            return false
        }
    }

    /// Removes all of the kernel's partitions; fails where one is in use.
    func removeAll() throws(StorageError) {
        for (number, known) in try known() { try remove(known, number) }
    }

    private func remove(_ known: Known, _ number: PartitionNumber) throws(StorageError) {
        let subject = "\(disk.path) partition \(number)"
        var error = StorageError(.busy, "the kernel's partition is in use", subject: subject)
        // The kernel checks open descriptors only. Other users' data would be written to the partition in its place.
        error.holders = try Holders.conflictingUsers(of: known.volumeDevice)
        guard error.holders.isEmpty else { throw error }
        let result = cls_partition_delete(disk.descriptor.raw, Int32(number.rawValue))
        if result == -EBUSY {
            error.holders = Holders.ofDevice(known.volumeDevice)
            throw error
        }
        try check(result, "BLKPG_DEL_PARTITION", subject)
    }

    /// How long the device of a partition of a multipath map may take to come.
    private static let timeout: Duration = .seconds(10)

    /// The device of a partition of a multipath map. Others make it, kpartx by a rule of udev or multipathd, some time
    /// after the table was written; this waits for it.
    private func mapped(_ partition: PartitionTable.Partition) throws(StorageError) -> VolumeDevice {
        var found: VolumeDevice?
        var failure: StorageError?
        let isThere = try BlockEvents.wait(for: Self.timeout) {
            do throws(StorageError) {
                found = try mappedDevice(of: partition)
            } catch {
                failure = error
            }
            return found != nil || failure != nil
        }
        if let failure { throw failure }
        guard isThere, let found else {
            throw StorageError(
                .failedPrecondition,
                "partition \(partition.number) of the multipath map has had no device for \(Self.timeout); kpartx makes "
                    + "it: see that multipathd or its rules of udev are at work, and call again", subject: disk.path)
        }
        return found
    }

    private func mappedDevice(of partition: PartitionTable.Partition) throws(StorageError) -> VolumeDevice? {
        for holder in try Sysfs.names(in: "\(disk.node.sysfsPath)/holders") {
            guard try MappedPartition(name: holder)?.number == partition.number, let device = try mapped(holder) else {
                continue
            }
            let node = try? Descriptor(opening: device.path, cls_O_PATH)
            if (try? node?.status(device.path).special) == device.device { return device }
        }
        return nil
    }

    /// The partitions of a multipath map that have devices.
    func mapped() throws(StorageError) -> [VolumeDevice] {
        var devices: [VolumeDevice] = []
        for holder in try Sysfs.names(in: "\(disk.node.sysfsPath)/holders")
        where try MappedPartition(name: holder) != nil {
            if let device = try mapped(holder) { devices.append(device) }
        }
        return devices
    }

    private func mapped(_ name: String) throws(StorageError) -> VolumeDevice? {
        guard let device = try Sysfs.device("/sys/block/\(name)/dev"),
            let size = try Sysfs.number("/sys/block/\(name)/size")
        else { return nil }
        return VolumeDevice(name: name, device: device, size: Int64(size) * 512)
    }

    /// devtmpfs makes the device node with the partition, a udev that owns /dev a little later.
    private func wait(for known: Known) throws(StorageError) -> VolumeDevice {
        let device = known.volumeDevice
        let found = try BlockEvents.wait(for: .seconds(5)) {
            (try? Descriptor(opening: device.path, cls_O_PATH).status(device.path).special) == known.device
        }
        guard found else {
            throw StorageError(.unavailable, "the device node has not appeared", subject: device.path)
        }
        return device
    }
}
