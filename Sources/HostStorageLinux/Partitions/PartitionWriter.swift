// SPDX-License-Identifier: Apache-2.0

import CLibFdisk
import Glibc
import HostStorage

/// Writes partition tables by libfdisk. Changes the disk only; ``KernelPartitions`` updates the kernel.
struct PartitionWriter: ~Copyable {
    private let context: OpaquePointer
    private let subject: String
    /// Of a new table: keeps the disk from other users until the table is written.
    private let blank: BlankDevice?

    /// Changes the table of a disk.
    ///
    /// - Parameter disk: open for writing, and its lock held.
    init(_ disk: OpenDisk) throws(StorageError) {
        context = try Self.context(disk.descriptor, disk.path)
        subject = disk.path
        blank = nil
    }

    deinit { fdisk_unref_context(context) }

    /// Puts a GPT with this GUID on a blank disk.
    init(table diskID: String, on blank: consuming BlankDevice) throws(StorageError) {
        let context = try Self.context(blank.descriptor, blank.device.path)
        do throws(StorageError) {
            let subject = blank.device.path
            try check(fdisk_create_disklabel(context, "gpt"), "fdisk_create_disklabel", subject)
            try check(
                fdisk_set_disklabel_id_from_string(context, diskID), "fdisk_set_disklabel_id_from_string", subject)
        } catch {
            fdisk_unref_context(context)
            throw error
        }
        self.context = context
        subject = blank.device.path
        self.blank = consume blank
    }

    private static func context(_ disk: borrowing Descriptor, _ path: String) throws(StorageError) -> OpaquePointer {
        guard let context = fdisk_new_context() else { throw StorageError(errno: ENOMEM, "fdisk_new_context", path) }
        let result = fdisk_assign_device_by_fd(context, disk.raw, path, 0)
        guard result == 0 else {
            fdisk_unref_context(context)
            throw StorageError(errno: -result, "fdisk_assign_device_by_fd", path)
        }
        return context
    }

    /// Adds a basic-data partition with this GUID over the greatest free space, and returns its range, in bytes.
    func addPartition(_ id: String) throws(StorageError) -> Range<Int64> {
        guard let partition = fdisk_new_partition() else {
            throw StorageError(errno: ENOMEM, "fdisk_new_partition", subject)
        }
        defer { fdisk_unref_partition(partition) }
        fdisk_partition_partno_follow_default(partition, 1)
        fdisk_partition_start_follow_default(partition, 1)
        fdisk_partition_end_follow_default(partition, 1)
        if let label = fdisk_get_label(context, nil),
            let type = fdisk_label_get_parttype_from_string(label, Self.basicData)
        {
            fdisk_partition_set_type(partition, type)
            fdisk_unref_parttype(type)
        }
        try check(fdisk_partition_set_uuid(partition, id), "fdisk_partition_set_uuid", subject)
        var number = 0
        try check(fdisk_add_partition(context, partition, &number), "fdisk_add_partition", subject)
        try extend(number)
        guard let added = self.partition(number) else {
            throw StorageError(.internalError, "the new partition does not show in its table", subject: subject)
        }
        defer { fdisk_unref_partition(added) }
        let sector = Int64(fdisk_get_sector_size(context))
        let (start, end) = (Int64(fdisk_partition_get_start(added)), Int64(fdisk_partition_get_end(added)))
        return (start * sector)..<((end + 1) * sector)
    }

    /// Makes a partition end where its free space does. By itself libfdisk ends it at a whole MiB, and the rest would
    /// be growth for each request for the greatest size.
    private func extend(_ number: Int) throws(StorageError) {
        guard let own = partition(number) else { return }
        defer { fdisk_unref_partition(own) }
        let (start, end) = (fdisk_partition_get_start(own), fdisk_partition_get_end(own))
        var limit = fdisk_get_last_lba(context)
        for other in 0..<entryCount where other != number {
            guard let next = partition(other) else { continue }
            defer { fdisk_unref_partition(next) }
            let nextStart = fdisk_partition_get_start(next)
            if nextStart > end { limit = min(limit, nextStart - 1) }
        }
        guard limit > end else { return }
        try grow(
            PartitionNumber(UInt32(number + 1)), to: Int64(limit - start + 1) * Int64(fdisk_get_sector_size(context)))
    }

    private func partition(_ number: Int) -> OpaquePointer? {
        var partition: OpaquePointer?
        guard fdisk_is_partition_used(context, number) == 1,
            fdisk_get_partition(context, number, &partition) == 0, let partition
        else { return nil }
        guard fdisk_partition_has_start(partition) == 1, fdisk_partition_has_end(partition) == 1 else {
            fdisk_unref_partition(partition)
            return nil
        }
        return partition
    }

    /// How many partitions the table has room for.
    var entryCount: Int { Int(fdisk_get_npartitions(context)) }

    /// Makes the partition `size` bytes long, in memory.
    func grow(_ number: PartitionNumber, to size: Int64) throws(StorageError) {
        guard let change = fdisk_new_partition() else {
            throw StorageError(errno: ENOMEM, "fdisk_new_partition", subject)
        }
        defer { fdisk_unref_partition(change) }
        fdisk_partition_set_size(change, fdisk_sector_t(size / Int64(fdisk_get_sector_size(context))))
        try check(fdisk_set_partition(context, Int(number.rawValue) - 1, change), "fdisk_set_partition", subject)
    }

    /// Writes the table, its copy at the end of the disk included, and waits for it to be on the disk.
    consuming func write() throws(StorageError) {
        try check(fdisk_write_disklabel(context), "fdisk_write_disklabel", subject)
        try checkErrno(fsync(fdisk_get_devfd(context)), "fsync", subject)
    }

    static let basicData = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
}
