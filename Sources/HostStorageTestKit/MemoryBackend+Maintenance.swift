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
}
