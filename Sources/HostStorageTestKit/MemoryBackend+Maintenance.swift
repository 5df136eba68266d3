// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    public func trimVolume(_ volume: VolumeID) throws(StorageError) -> Int64 {
        try simulate { host throws(StorageError) in
            let filesystem = try host.mountedFilesystem(volume)
            return filesystem.size - filesystem.usedBytes
        }
    }

    /// The limit is not simulated: a volume stays frozen until it is thawed.
    public func freezeVolume(_ volume: VolumeID, for limit: Duration) throws(StorageError) {
        try simulate { host throws(StorageError) in
            _ = try host.mountedFilesystem(volume)
            host.frozen.insert(volume)
        }
    }

    public func thawVolume(_ volume: VolumeID) throws(StorageError) -> Bool {
        try simulate { host throws(StorageError) in host.frozen.remove(volume) != nil }
    }

    public func targetStats(of path: HostPath) throws(StorageError) -> TargetStats {
        let state = try targetState(of: path)
        return try simulate { host throws(StorageError) in
            let place = try host.locate(path)
            switch state {
            case .absent: throw StorageError(.notFound, "\(host.displayed(place)) does not exist")
            case .link: throw StorageError(.failedPrecondition, "\(host.displayed(place)) is a symbolic link")
            case .dead(_, let reason): throw StorageError(.inputOutput, reason)
            default: break
            }
            let mount = host.mount(above: place)
            switch mount.flatMap({ host.mounts[$0]?.filesystem }) {
            case .volume(let volume)?:
                guard let filesystem = host[filesystem: volume] else {
                    throw StorageError(.inputOutput, "its device is gone")
                }
                return TargetStats(size: filesystem.size, used: filesystem.usedBytes)
            case .devices?:
                guard let mount, case .bind(let bind)? = host.mounts[mount] else { break }
                return .device(size: host.size(ofDevice: bind.part))
            case .share?, .ofHost?, nil: break
            }
            return TargetStats(size: 1 << 40, used: host.files.contentSize)
        }
    }
}

extension TargetStats {
    fileprivate init(size: Int64, used: Int64) {
        self = .filesystem(
            bytes: Capacity(total: size, used: used, available: size - used),
            inodes: Capacity(total: size >> 14, used: 11, available: size >> 14 - 11))
    }
}

extension SimulatedHost {
    fileprivate func mountedFilesystem(_ volume: VolumeID) throws(StorageError) -> SimulatedDisk.Filesystem {
        let (disk, _) = try find(volume)
        try refuseSystemDisk(disk)
        guard let filesystem = self[filesystem: volume],
            mounts.values.contains(where: { $0.filesystem == .volume(volume) })
        else { throw StorageError(.failedPrecondition, "\(volume) is not mounted") }
        return filesystem
    }

    /// - Parameter part: its name, as a bind mount of it has.
    fileprivate func size(ofDevice part: Place) -> Int64 {
        for disk in disks.values {
            if part == [FileName("disk\(disk.number)")] { return disk.size }
            if let slot = disk.slots.first(where: { part == [FileName($0.id.guid)] }) { return slot.size }
        }
        return 0
    }
}
