// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage
import Logging

extension LinuxBackend {
    public func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation] {
        try await queues.run(in: .inventory) { [inventory] () throws(StorageError) in
            var locations: [DiskNumber: DiskLocation] = [:]
            for disk in try inventory.disks() { locations[disk.number] = disk.location() }
            return locations
        }
    }

    public func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        let list = try await inventory.list(on: queues)
        // One whose node has gone, or is another device by now, is asked, and left out.
        var known = try await queues.run(in: .inventory) { [knownIdentifiers] () throws(StorageError) in
            knownIdentifiers.of(list).filter { list[$0.key]?.hasNode ?? false }
        }
        if known.count == list.disks.count { return known }
        identities.forgetAll(but: list.disks)
        var all = known
        for reply in await identities.query(list.disks.filter { known[$0.number] == nil }) {
            switch reply.answer {
            case .success(let identifiers):
                silentDisks.note(reply.disk, nil)
                known[reply.disk.number] = identifiers
                all[reply.disk.number] = identifiers
            // A lack of descriptors or threads leaves no disk out.
            case .failure(let error) where error.code == .exhausted: throw error
            case .failure(let error):
                if let names = await kernelsNames(of: reply.disk, after: error) {
                    all[reply.disk.number] = names
                } else {
                    silentDisks.note(reply.disk, error)
                }
            }
        }
        // What was answered while nothing has changed belongs to the list.
        if try await inventory.list(on: queues) === list { knownIdentifiers.note(known, of: list) }
        return all
    }

    public func diskIdentifiers(of disk: DiskNumber) async throws(StorageError) -> DiskIdentifiers {
        let node = try await node(disk)
        // The disk need not answer: an operation on it verifies its identity. A loop device has a number of its own
        // each time that it gets a file, and the names that it had then.
        if node.isLoop {
            if let known = identities.last(of: node) { return known }
            return try await identities.query(node)
        }
        return try await queues.run(in: .inventory) { () throws(StorageError) in try node.identifiers() }
    }

    /// The kernel's record of a disk that does not answer; nil for other errors, and where there is none.
    private func kernelsNames(of disk: DiskNode, after error: StorageError) async -> DiskIdentifiers? {
        guard error.code == .deadlineExceeded, !disk.isLoop else { return nil }
        return try? await queues.run(in: .inventory) { () throws(StorageError) in try disk.identifiers() }
    }

    public func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64 {
        let node = try await node(disk)
        return try await queues.run(in: .disk(name: node.name)) { () throws(StorageError) in try OpenDisk(node).size }
    }

    public func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState {
        let node = try await node(disk)
        return try await queues.run(in: .disk(name: node.name)) { [offline] () throws(StorageError) in
            if try offline.isOffline(disk) { return .offline }
            // Documentation/scsi: a device is "running", or out of use.
            let state = try node.scsiState()
            return state == nil || state == "running" ? .online : .offline
        }
    }

    public func isDiskReadOnly(_ disk: DiskNumber) async throws(StorageError) -> Bool {
        let node = try await node(disk)
        return try await queues.run(in: .disk(name: node.name)) { () throws(StorageError) in
            // Documentation/ABI/stable/sysfs-block: as BLKROGET has it, and no disk has to answer.
            try node.attribute("ro") == "1"
        }
    }

    public func setDiskReadOnly(_ disk: DiskNumber, to isReadOnly: Bool) async throws(StorageError) {
        let node = try await node(disk)
        try await queues.run(in: .disk(name: node.name)) { [systemDisks] () throws(StorageError) in
            try systemDisks.refuse(node)
            let open = try OpenDisk(node)
            guard try open.isReadOnly != isReadOnly else { return }
            if isReadOnly {
                try node.requireUnused()
                try open.requireNoWriters()
            }
            try check(cls_block_set_read_only(open.descriptor.raw, isReadOnly ? 1 : 0), "BLKROSET", open.path)
            guard try open.isReadOnly == isReadOnly else {
                throw StorageError(.failedPrecondition, "the disk itself is write-protected", subject: open.path)
            }
        }
    }

    public func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError) {
        let node = try await node(disk)
        try await queues.run(in: .disk(name: node.name)) { [offline, systemDisks] () throws(StorageError) in
            switch state {
            case .online:
                if let state = try node.scsiState(), state != "running" {
                    // Without the line's end the kernel knows no such state.
                    try Descriptor.write("running\n", to: "\(node.sysfsPath)/device/state")
                }
            case .offline:
                try systemDisks.refuse(node)
                try node.requireUnused()
            }
            try offline.set(state, disk)
        }
    }

    public func partitionDisk(_ disk: DiskNumber) async throws(StorageError) {
        let node = try await node(disk)
        try await index.requireOnlyOne(node)
        try await queues.run(in: .disk(name: node.name)) { [journal, index, systemDisks] () throws(StorageError) in
            try systemDisks.refuse(node)
            // Whether it was partitioned here or, a moment ago, elsewhere.
            index.forget(node)
            do throws(StorageError) {
                // Most calls find nothing to do, and take no lock.
                if case .table(let table) = try DiskLayout(of: OpenDisk(node)), table.hasVolume,
                    try journal.partitioning(of: node) == nil
                {
                    return
                }
                let open = try OpenDisk(node, O_RDWR)
                try open.lock()
                try Self.partition(open, journal)
            } catch  where error.code == .inputOutput {
                let disk = try OpenDisk(node)
                throw BlankDevice.unreadable(disk.descriptor, size: disk.size, disk.path, error)
            }
        }
    }

    /// Gives the disk, open and locked, a table and a partition.
    private static func partition(_ disk: OpenDisk, _ journal: IntentJournal) throws(StorageError) {
        let interrupted = try journal.partitioning(of: disk.node)
        if let interrupted {
            switch try DiskLayout(of: disk) {
            case .nothing, .unclear: try InterruptedPartitioning.clear(disk, interrupted)
            // Its copies are made to agree.
            case .table(let table) where table.kind == "gpt" && table.hasVolume: try PartitionWriter(disk).write()
            case .table, .filesystem, .other: break
            }
        }
        try makePartition(disk, journal)
        if let interrupted { try journal.remove(.partition, interrupted.target) }
    }

    private static func makePartition(_ disk: OpenDisk, _ journal: IntentJournal) throws(StorageError) {
        let target = "\(disk.node.number)"
        let (diskID, partitionID) = (UUIDText.random(), UUIDText.random())
        let isNew: Bool
        let writer: PartitionWriter
        if let table = try PartitionTable(of: disk) {
            if table.hasVolume { return }
            guard table.kind == "gpt" else {
                throw StorageError(
                    .failedPrecondition, "it holds an empty partition table of type \(table.kind)", subject: disk.path)
            }
            writer = try PartitionWriter(disk)
            let range = try writer.addPartition(partitionID)
            try PartitionRoom.requireFree(range, of: nil, in: table, on: disk)
            try PartitionRoom.requireNothingBefore(range, of: nil, in: table, on: disk)
            try PartitionRoom.requireBlank(range, on: disk)
            isNew = false
        } else {
            writer = try PartitionWriter(table: diskID, on: BlankDevice(of: disk))
            _ = try writer.addPartition(partitionID)
            isNew = true
        }
        // The kernel's partitions of an earlier disk at this place would only be in the way.
        if isNew { try KernelPartitions(disk: disk).removeAll() }
        let intent = try journal.record(
            .partition, target, on: disk.node, uuid: isNew ? diskID : nil, partition: partitionID)
        do throws(StorageError) {
            try writer.write()
        } catch {
            // The work has ended, with a failure: data written there later are not from this layer.
            if isNew { try? InterruptedPartitioning.clear(disk, intent) }
            try journal.remove(.partition, target)
            throw error
        }
        guard let partition = try PartitionTable(of: disk)?.partitions.first(where: { !$0.isReserved }) else {
            throw StorageError(.internalError, "the new partition does not show on the disk", subject: disk.path)
        }
        _ = try KernelPartitions(disk: disk).device(of: partition)
        try journal.remove(.partition, target)
    }
}

extension PartitionTable {
    /// Whether it has a partition to put a filesystem on.
    var hasVolume: Bool { partitions.contains { !$0.isReserved } }
}

extension OpenDisk {
    /// Fails where a process can write to the disk or to one of its partitions.
    fileprivate func requireNoWriters() throws(StorageError) {
        for device in try devices() {
            let users = try Holders.conflictingUsers(of: device)
            guard users.isEmpty else { throw StorageError(.busy, "it is in use", subject: device.path).held(by: users) }
        }
    }

    /// Fails where the disk or one of its partitions is mounted or stacked upon.
    func requireNoMounts() throws(StorageError) {
        for device in try devices() { try Holders.requireNoMounts(of: device) }
    }

    /// The disk and its partitions, as the kernel has them.
    private func devices() throws(StorageError) -> [VolumeDevice] {
        try [wholeDevice]
            + KernelPartitions(disk: self).known().values.map {
                VolumeDevice(name: $0.name, device: $0.device, size: $0.size)
            }
    }
}

extension DiskNode {
    /// Whether its device node is there. The device is not opened.
    fileprivate var hasNode: Bool {
        var status = stat()
        return stat(devicePath, &status) == 0 && status.st_mode & S_IFMT == S_IFBLK
            && DeviceNumber(status.st_rdev) == device
    }

    /// The state of a SCSI device; nil for other disks.
    func scsiState() throws(StorageError) -> String? {
        guard Sysfs.linkName("\(sysfsPath)/device/subsystem") == "scsi" else { return nil }
        return try attribute("device/state")
    }

    /// Writes the disk's cached data out and fails where it, or a partition of it, is mounted or part of
    /// another device, in whichever namespace.
    func requireUnused() throws(StorageError) {
        let disk = try OpenDisk(self)
        // A map of multipath is in use by its own partitions, which are maps themselves.
        let mapped = try KernelPartitions(disk: disk).mapped()
        var devices =
            try mapped
            + KernelPartitions(disk: disk).known().values.map {
                VolumeDevice(name: $0.name, device: $0.device, size: $0.size)
            }
        let holders = Set(try Sysfs.names(in: "\(sysfsPath)/holders"))
        let isHeldByItsOwn = !mapped.isEmpty && holders == Set(mapped.map(\.name))
        if !isHeldByItsOwn { devices.append(disk.wholeDevice) }
        for device in devices + (isHeldByItsOwn ? [disk.wholeDevice] : []) {
            if let mount = try MountTable.mounts(of: device.device).first {
                throw StorageError(.busy, "it is mounted at \(mount.target)", subject: device.path)
            }
        }
        for device in devices {
            do throws(StorageError) {
                let claim = try Descriptor.claim(device, O_RDONLY)
                try checkErrno(fsync(claim.raw), "fsync", device.path)
            } catch  where error.code == .busy {
                // A claim on the whole disk keeps its partitions from being claimed, and the other way round.
                throw error.held(by: devices.flatMap(Holders.ofDevice))
            }
        }
    }
}
