// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Logging

extension MemoryBackend {
    public func diskLocations() throws(StorageError) -> [DiskNumber: DiskLocation] {
        try simulate { host in
            host.disks.filter { $0.value.isAttached }.compactMapValues(\.location)
        }
    }

    public func watchDisks() -> HostEvents<DiskEvent> {
        HostEvents(
            comparing: { [self] () throws(StorageError) in
                try simulate { host in host.disks.filter { $0.value.isAttached }.mapValues(\.size) }
            }, at: diskChanges)
    }

    public func diskIdentifiers() throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        let attached = try simulate { host in host.disks.filter { $0.value.isAttached } }
        for disk in attached.keys.sorted() where attached[disk]?.isAnswering == false {
            logger.warning("disk \(disk) does not answer and is left out")
        }
        return attached.filter { $0.value.isAnswering }.mapValues(\.identifiers)
    }

    public func diskIdentifiers(of disk: DiskNumber) throws(StorageError) -> DiskIdentifiers {
        try simulate { host throws(StorageError) in
            let disk = try host.disk(disk)
            guard disk.isAnswering else { throw StorageError(.deadlineExceeded, "disk \(disk.number) does not answer") }
            return disk.identifiers
        }
    }

    public func partitionDisk(_ number: DiskNumber) throws(StorageError) {
        try simulate { host throws(StorageError) in
            var disk = try host.disk(number)
            try host.refuseSystemDisk(disk)
            switch disk.layout {
            case .unreadable: throw StorageError(.failedPrecondition, "disk \(number) cannot be read")
            case .random:
                throw StorageError(
                    .failedPrecondition, "disk \(number) is not blank: it holds data of no known kind")
            case .wholeDisk:
                let found = disk.slots.first?.content.name ?? ""
                throw StorageError(.failedPrecondition, "disk \(number) is not blank: it holds \(found)")
            case .blank: disk.layout = .gpt
            case .gpt, .mbr: if !disk.volumes.isEmpty { return }
            }
            try disk.requireWritable()
            guard disk.layout == .gpt else {
                throw StorageError(.failedPrecondition, "disk \(number) holds an empty table that is no GPT")
            }
            try disk.addPartition(size: nil)
            host.disks[number] = disk
        }
    }

    public func rescanDisks() throws(StorageError) {
        defer { diskChanges.wake() }
        try simulate { host in
            for (number, disk) in host.disks where disk.isAttached && disk.isAnswering {
                host.disks[number]?.size = disk.actualSize
                if disk.layout == .wholeDisk { host.disks[number]?.slots[0].size = disk.actualSize }
            }
        }
    }

    public func diskSize(_ number: DiskNumber) throws(StorageError) -> Int64 {
        try simulate { host throws(StorageError) in try host.disk(number).size }
    }

    public func setDiskState(_ number: DiskNumber, to state: DiskState) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let disk = try host.disk(number)
            if state == .offline {
                try host.refuseSystemDisk(disk)
                try host.refuseMounted(disk)
            }
            host.disks[number]?.state = state
        }
    }

    public func isDiskReadOnly(_ number: DiskNumber) throws(StorageError) -> Bool {
        try simulate { host throws(StorageError) in try host.disk(number).isReadOnly }
    }

    public func setDiskReadOnly(_ number: DiskNumber, to isReadOnly: Bool) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let disk = try host.disk(number)
            try host.refuseSystemDisk(disk)
            guard disk.isReadOnly != isReadOnly else { return }
            if isReadOnly { try host.refuseMounted(disk) }
            host.disks[number]?.isReadOnly = isReadOnly
        }
    }

    /// Write-protects a disk, as ``isDiskReadOnly(_:)`` reports it.
    public func writeProtect(_ number: DiskNumber) throws(StorageError) {
        try simulate { host throws(StorageError) in
            _ = try host.disk(number)
            host.disks[number]?.isReadOnly = true
        }
    }

    public func diskState(_ number: DiskNumber) throws(StorageError) -> DiskState {
        try simulate { host throws(StorageError) in try host.disk(number).state }
    }
}

extension SimulatedHost {
    /// Fails where a volume of the disk is mounted.
    func refuseMounted(_ disk: SimulatedDisk) throws(StorageError) {
        let volumes = disk.slots.map { SimulatedBind.Filesystem.volume($0.id) }
        if let mount = mounts.first(where: { $0.value.filesystem.map(volumes.contains) ?? false }) {
            throw StorageError(.busy, "\(mount.value) is mounted at \(mount.key.text)")
        }
    }
}
