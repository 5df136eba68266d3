// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    public func targetState(of path: HostPath) throws(StorageError) -> TargetState {
        try simulate { host throws(StorageError) in
            if try host.isBelowFile(path) { return .absent }
            let place: Place
            do throws(StorageError) { place = try host.locate(path) } catch  where error.code == .notFound {
                return .absent
            }
            if let source = host.mounts[place] {
                let state = host.state(of: source)
                if case .volume(let volume) = source, host.isGone(volume) {
                    return .dead(state, reason: "its device is gone")
                }
                return .mounted(state)
            }
            switch host[place] {
            case nil: return .absent
            case .directory?: return .directory
            case .file?: return .file
            case .link(let target)?: return .link(to: target)
            }
        }
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

    @discardableResult
    public func bindMount(
        _ source: BindSource<HostPath>, at target: HostPath, options: BindOptions
    ) throws(StorageError) -> MountState {
        try simulate { host throws(StorageError) in
            let bind = try host.bind(of: source, isReadOnly: options.isReadOnly)
            let shown = host[bind, []]
            let place = try host.locate(target)
            guard let node = host[place] else {
                throw StorageError(.notFound, "\(host.displayed(place)) does not exist")
            }
            if let mounted = host.mounts[place] {
                guard host.bindable(place, isReadOnly: false).isOf(bind) else {
                    throw StorageError(.failedPrecondition, "something else is mounted at \(host.displayed(place))")
                }
                let state = host.state(of: mounted)
                guard state.isReadOnly == bind.isReadOnly else {
                    throw StorageError(.alreadyExists, "it is mounted at \(host.displayed(place)) with other options")
                }
                return state
            }
            guard node.isDirectory == shown?.isDirectory else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) is of another kind than the source")
            }
            guard node.isEmptyDirectory || !node.isDirectory && node.contentSize == 0 else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not empty")
            }
            host.mounts[place] = .bind(bind)
            return host.state(of: .bind(bind))
        }
    }

    public func unmountTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) throws(StorageError) -> TargetUnmount {
        try simulate { host throws(StorageError) in
            do throws(StorageError) {
                return try host.takeOff(try host.locate(path), escalation)
            } catch  where error.code == .notFound {
                return TargetUnmount()
            }
        }
    }

    public func cleanUpTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) throws(StorageError) -> TargetUnmount {
        try simulate { host throws(StorageError) in
            if try host.isBelowFile(path) { return TargetUnmount() }
            do throws(StorageError) {
                let place = try host.locate(path)
                let done = try host.takeOff(place, escalation)
                switch host[place] {
                case nil: return done
                case .directory(let children)? where !children.isEmpty:
                    throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not empty")
                case .file(let bytes)? where !bytes.isEmpty:
                    throw StorageError(.failedPrecondition, "\(host.displayed(place)) is a file with data")
                default: break
                }
                try host.requireWritable(Place(place.dropLast()))
                host[place] = nil
                return done
            } catch  where error.code == .notFound {
                return TargetUnmount()
            }
        }
    }
}

extension SimulatedHost {
    fileprivate func bind(
        of source: BindSource<HostPath>, isReadOnly: Bool
    ) throws(StorageError) -> SimulatedBind {
        switch source {
        case .path(let path):
            let place = try follow(path)
            guard self[place] != nil else { throw StorageError(.notFound, "\(displayed(place)) does not exist") }
            return bindable(place, isReadOnly: isReadOnly)
        case .disk(let number):
            let disk = try disk(number)
            try refuseSystemDisk(disk)
            try requireOnline(disk)
            return SimulatedBind(filesystem: .devices, part: [FileName("disk\(number)")], isReadOnly: isReadOnly)
        case .volume(let volume):
            let (disk, _) = try find(volume)
            try refuseSystemDisk(disk)
            try requireOnline(disk)
            return SimulatedBind(filesystem: .devices, part: [FileName(volume.guid)], isReadOnly: isReadOnly)
        @unknown default: throw StorageError(.unsupported, "a host in memory cannot mount \(source)")
        }
    }

    private func requireOnline(_ disk: SimulatedDisk) throws(StorageError) {
        guard disk.state == .online else {
            throw StorageError(.failedPrecondition, "disk \(disk.number) is offline")
        }
    }

    func state(of source: MountSource) -> MountState {
        switch source {
        case .volume(let volume): state(of: .volume(volume), part: [], isReadOnly: false)
        case .share(let key): state(of: .share(key), part: [], isReadOnly: false)
        case .bind(let bind): state(of: bind.filesystem, part: bind.part, isReadOnly: bind.isReadOnly)
        }
    }

    private func state(
        of filesystem: SimulatedBind.Filesystem, part: Place, isReadOnly: Bool
    ) -> MountState {
        let (source, type): (String, String)
        var (volume, disk): (VolumeID?, DiskNumber?)
        switch filesystem {
        case .ofHost: (source, type) = ("rootfs", "rootfs")
        case .volume(let mounted):
            (source, type) = ("\(mounted)", self[filesystem: mounted]?.kind.rawValue ?? "")
            volume = mounted
            disk = disks.values.first { $0.isAttached && $0.slots.contains { $0.id == mounted } }?.number
        case .share(let key): (source, type) = ("\(key.share)", "cifs")
        case .devices: (source, type) = ("devtmpfs", "devtmpfs")
        }
        return MountState(
            source: source, type: type, root: part.text, options: [isReadOnly ? "ro" : "rw"], isReadOnly: isReadOnly,
            id: 1, volume: volume, disk: disk)
    }

    fileprivate mutating func takeOff(
        _ place: Place, _ escalation: UnmountEscalation
    ) throws(StorageError) -> TargetUnmount {
        guard let source = mounts[place] else { return TargetUnmount() }
        if case .share = source {
        } else if escalation == .detach {
            throw StorageError(.failedPrecondition, "a filesystem on a disk is not detached")
        }
        try unmount(place)
        return TargetUnmount(unmounted: 1, outcome: outcome(ofUnmounting: source))
    }

    /// - Parameter part: its name, as a bind mount of it has.
    fileprivate func size(ofDevice part: Place) -> Int64 {
        for disk in disks.values {
            if part == [FileName("disk\(disk.number)")] { return disk.size }
            if let slot = disk.slots.first(where: { part == [FileName($0.id.guid)] }) { return slot.size }
        }
        return 0
    }

    /// What is left of a filesystem when one of its mounts is gone.
    func outcome(ofUnmounting source: MountSource) -> UnmountOutcome {
        guard let filesystem = source.filesystem, filesystem != .ofHost, filesystem != .devices else {
            return .released
        }
        let others = mounts.filter { $0.value.filesystem == filesystem }
        return others.isEmpty
            ? .released : .stillHeld(by: others.map { Holder.mount(target: $0.key.text, seenByProcess: nil) })
    }
}

extension TargetStats {
    fileprivate init(size: Int64, used: Int64) {
        self = .filesystem(
            bytes: Capacity(total: size, used: used, available: size - used),
            inodes: Capacity(total: size >> 14, used: 11, available: size >> 14 - 11))
    }
}

extension MountSource {
    /// The filesystem that it is of.
    var filesystem: SimulatedBind.Filesystem? {
        switch self {
        case .volume(let volume): .volume(volume)
        case .share(let key): .share(key)
        case .bind(let bind): bind.filesystem
        }
    }
}
