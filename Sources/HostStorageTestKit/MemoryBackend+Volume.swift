// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    public func volumes(
        on number: DiskNumber, partition: PartitionNumber?
    ) throws(StorageError) -> [VolumeID] {
        try simulate { host throws(StorageError) in
            let disk = try host.disk(number)
            guard disk.layout != .unreadable else {
                throw StorageError(.inputOutput, "disk \(number) cannot be read")
            }
            return disk.volumes.filter { partition == nil || $0.number == partition }.map(\.id)
        }
    }

    public func isVolumeFormatted(_ volume: VolumeID) throws(StorageError) -> Bool {
        try simulate { host throws(StorageError) in
            let (disk, slot) = try host.find(volume)
            switch disk.slots[slot].content {
            case .filesystem: return true
            case .blank, .random: return false
            case .unreadable: throw StorageError(.inputOutput, "\(volume) cannot be read")
            }
        }
    }

    public func formatVolume(_ volume: VolumeID, over signature: Signature?) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let (disk, index) = try host.findUsable(volume)
            let slot = disk.slots[index]
            switch slot.content {
            case .blank: break
            case .unreadable: throw StorageError(.failedPrecondition, "the volume cannot be read")
            // Simulated filesystems have no UUIDs.
            case .filesystem(let filesystem) where signature == Signature(type: filesystem.kind.rawValue): break
            case .filesystem(let filesystem)
            where signature == nil && filesystem.isNew && filesystem.kind == settings.filesystem: return
            case .random, .filesystem:
                throw StorageError(
                    .failedPrecondition, "the volume is not blank: it holds \(slot.content.name)")
            }
            host.disks[disk.number]?.slots[index].content = .filesystem(
                SimulatedDisk.Filesystem(kind: settings.filesystem, size: slot.size, isNew: true))
        }
    }

    public func resizeVolume(_ volume: VolumeID, to size: VolumeSize) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let (disk, index) = try host.findUsable(volume)
            var slot = disk.slots[index]
            guard case .filesystem(var filesystem) = slot.content else {
                throw StorageError(
                    .failedPrecondition, "the volume holds no filesystem: it holds \(slot.content.name)")
            }
            let maximum = disk.maximumSize(of: slot)
            let plan = try ResizePlan(
                requested: size, current: slot.size, maximum: maximum,
                ceiling: disk.volumes.count == 1 ? max(maximum, disk.size) : maximum)
            if case .grow(to: let bytes) = plan { slot.size = bytes }
            filesystem.size = max(filesystem.size, slot.size)
            slot.content = .filesystem(filesystem)
            host.disks[disk.number]?.slots[index] = slot
        }
    }

    public func volumeStats(_ volume: VolumeID) throws(StorageError) -> VolumeStats {
        try simulate { host throws(StorageError) in
            let (disk, index) = try host.find(volume)
            switch disk.slots[index].content {
            case .filesystem(let filesystem):
                return VolumeStats(totalBytes: filesystem.size, usedBytes: filesystem.usedBytes)
            case .unreadable: throw StorageError(.inputOutput, "\(volume) cannot be read")
            case .blank, .random: throw StorageError(.failedPrecondition, "the volume holds no filesystem")
            }
        }
    }

    public func disk(of volume: VolumeID) throws(StorageError) -> DiskNumber {
        try simulate { host throws(StorageError) in try host.find(volume).disk.number }
    }

    public func flushVolume(_ volume: VolumeID) throws(StorageError) {
        try simulate { host throws(StorageError) in _ = try host.find(volume) }
    }

    // MARK: - Mounts

    public func mountVolume(_ volume: VolumeID, at path: HostPath) throws(StorageError) {
        let use = SystemDiskUse.current
        try simulate { host throws(StorageError) in
            let (disk, index) = try host.findUsable(volume, allowing: use)
            let place = try host.locate(path)
            guard let node = host[place] else {
                throw StorageError(.notFound, "\(host.displayed(place)) does not exist")
            }
            if case .volume(let mounted)? = host.mounts[place], host.isGone(mounted) {
                // The mount of a disk that is gone blocks no other mount.
                try host.unmount(place)
            }
            if let mounted = host.mounts[place] {
                guard mounted == .volume(volume) else {
                    throw StorageError(.failedPrecondition, "\(mounted) is mounted at \(host.displayed(place))")
                }
                return
            }
            guard node.isDirectory else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not a directory")
            }
            guard node.isEmptyDirectory else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not empty")
            }
            switch disk.slots[index].content {
            case .filesystem(var filesystem):
                filesystem.isNew = false
                host.disks[disk.number]?.slots[index].content = .filesystem(filesystem)
                host.mounts[place] = .volume(volume)
            case .unreadable: throw StorageError(.inputOutput, "\(volume) cannot be read")
            case .blank, .random:
                throw StorageError(
                    .failedPrecondition, "the volume is not formatted: it holds \(disk.slots[index].content.name)")
            }
        }
    }

    @discardableResult
    public func unmountVolume(
        _ volume: VolumeID, from path: HostPath
    ) throws(StorageError) -> UnmountOutcome {
        try simulate { host throws(StorageError) in
            let place = try host.locate(path)
            // The mount is the volume's, whether or not its disk is still there.
            if host.mounts[place] != .volume(volume) { _ = try host.find(volume) }
            guard host[place] != nil else { throw StorageError(.notFound, "\(host.displayed(place)) does not exist") }
            guard let mounted = host.mounts[place] else {
                throw StorageError(.failedPrecondition, "nothing is mounted at \(host.displayed(place))")
            }
            guard mounted == .volume(volume) else {
                throw StorageError(.failedPrecondition, "\(mounted) is mounted at \(host.displayed(place))")
            }
            try host.unmount(place)
            return host.outcome(ofUnmounting: mounted)
        }
    }

    public func volume(mountedAt path: HostPath) throws(StorageError) -> VolumeID {
        let use = SystemDiskUse.current
        return try simulate { host throws(StorageError) in
            let place = try host.follow(path)
            guard host[place] != nil else { throw StorageError(.notFound, "\(host.displayed(place)) does not exist") }
            guard case .volume(let volume)? = host.mounts[place]?.filesystem else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not a mounted folder")
            }
            if let (disk, _) = try? host.find(volume) { try host.refuseSystemDisk(disk, allowing: use) }
            return volume
        }
    }

    public func volume(closestTo path: HostPath) throws(StorageError) -> VolumeID {
        let use = SystemDiskUse.current
        return try simulate { host throws(StorageError) in
            let place = try host.follow(path)
            guard host[place] != nil else { throw StorageError(.notFound, "\(host.displayed(place)) does not exist") }
            if let mount = host.mount(above: place) {
                guard case .volume(let volume)? = host.mounts[mount]?.filesystem else {
                    throw StorageError(.failedPrecondition, "\(host.displayed(place)) is on no disk")
                }
                if let (disk, _) = try? host.find(volume) { try host.refuseSystemDisk(disk, allowing: use) }
                return volume
            }
            let system = host.disks.values.first { $0.carriesSystem && $0.isAttached }
            guard let system, let volume = system.volumes.first else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) is on no disk")
            }
            try host.refuseSystemDisk(system, allowing: use)
            return volume.id
        }
    }
}

extension SimulatedHost {
    /// Takes a mount away, unless another stands on it.
    mutating func unmount(_ place: Place) throws(StorageError) {
        if let inner = mounts(strictlyBelow: place).first {
            throw StorageError(.busy, "\(displayed(inner)) is mounted within \(displayed(place))")
        }
        mounts[place] = nil
    }
}
