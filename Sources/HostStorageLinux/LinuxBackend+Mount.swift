// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage
import Logging

extension LinuxBackend {
    // MARK: - What is at a target

    public func targetState(of path: HostPath) async throws(StorageError) -> TargetState {
        try await onPath(path) { [self] resolver, path throws(StorageError) in
            switch try TargetLook.sight(of: path, resolver) {
            case .absent: .absent
            case .directory: .directory
            case .file: .file
            case .special: .special
            case .link(let text): .link(to: text)
            case .mounted(let mount): .mounted(try state(of: mount))
            case .dead(let mount, let reason): .dead(try state(of: mount), reason: reason)
            case .silent(let mount): .silent(try state(of: mount))
            }
        }
    }

    private func state(of mount: Mount) throws(StorageError) -> MountState {
        var disk: DiskNumber?
        if let device = try mount.blockDevice, let name = try Self.disk(of: device)?.name {
            disk = try inventory.disk(named: name)?.number
        }
        return MountState(
            source: mount.source.hasPrefix("/dev/") ? String(mount.source.dropFirst("/dev/".count)) : mount.source,
            type: mount.type, root: mount.root, options: mount.options.names, isReadOnly: mount.isReadOnly,
            id: UInt64(mount.id), volume: mountRecords.volume(of: mount), disk: disk)
    }

    // MARK: - Statistics

    public func targetStats(of path: HostPath) async throws(StorageError) -> TargetStats {
        try await onPath(path) { resolver, path throws(StorageError) in
            switch try TargetLook.sight(of: path, resolver) {
            case .absent: throw StorageError(.notFound, "there is nothing", subject: "\(path)")
            case .link: throw StorageError(.failedPrecondition, "a symbolic link is there", subject: "\(path)")
            case .dead(_, let reason): throw StorageError(.inputOutput, reason, subject: "\(path)")
            case .silent:
                throw StorageError(.unavailable, "its server or program does not answer", subject: "\(path)")
            case .directory, .file, .special, .mounted: break
            }
            let place = try resolver.open(path, cls_O_PATH)
            let status = try place.status("\(path)")
            if status.isBlockDevice {
                let sectors = try Sysfs.number("/sys/dev/block/\(status.special)/size")
                guard let sectors else { throw StorageError(.notFound, "its device is gone", subject: "\(path)") }
                return .device(size: Int64(sectors) * 512)
            }
            var filesystem = statvfs()
            try checkErrno(fstatvfs(place.raw, &filesystem), "fstatvfs", "\(path)")
            return TargetStats(filesystem)
        }
    }

    // MARK: - Bind mounts

    public func bindMount(
        _ source: BindSource<HostPath>, at target: HostPath, options: BindOptions
    ) async throws(StorageError) -> MountState {
        switch source {
        case .path(let source):
            return try await onPath(target) { [self] resolver, target throws(StorageError) in
                let place = try resolver.resolvingSymlinks(source)
                guard !place.isRoot, !resolver.policy.isOfShares(place) else {
                    throw StorageError(
                        .denied, "shares of others would be seen there; name a directory within", subject: "\(source)")
                }
                let open = try resolver.open(place, cls_O_PATH)
                let status = try open.status("\(source)")
                // A device has a disk, which has to be compared with the caller's rights: so it is named by that.
                guard status.isDirectory || status.isRegularFile else {
                    throw StorageError(
                        .failedPrecondition,
                        "it is neither a directory nor a file; a device is named by its disk or volume",
                        subject: "\(source)")
                }
                return try bind(open, "\(source)", at: target, options)
            }
        case .disk(let disk):
            let node = try await node(disk)
            let device = try await queues.run(in: .disk(name: node.name)) { [self] () throws(StorageError) in
                try systemDisks.refuse(node)
                try requireOnline(node)
                return try OpenDisk(node).wholeDevice
            }
            return try await bind(device, of: node, at: target, options) { () throws(StorageError) in
                try OpenDisk(node).requireNoMounts()
            }
        case .volume(let volume):
            let bound = try await withVolume(volume) { found throws(StorageError) in
                try await onDisk(of: found) { [self] () throws(StorageError) in
                    try systemDisks.refuse(found.disk)
                    try requireOnline(found.disk)
                    return BoundDevice(device: try OpenVolume(found).device, disk: found.disk)
                }
            }
            return try await bind(bound.device, of: bound.disk, at: target, options) { () throws(StorageError) in
                try Holders.requireNoMounts(of: bound.device)
            }
        @unknown default: throw StorageError(.unsupported, "this host cannot mount \(source) at a second place")
        }
    }

    private struct BoundDevice: Sendable {
        let device: VolumeDevice
        let disk: DiskNode
    }

    /// Mounts the node of a device on a file.
    ///
    /// - Parameter requireUnused: fails where the device is mounted or stacked upon; for a mount that is not there yet.
    private func bind(
        _ device: VolumeDevice, of disk: DiskNode, at target: HostPath, _ options: BindOptions,
        _ requireUnused: @escaping @Sendable () throws(StorageError) -> Void
    ) async throws(StorageError) -> MountState {
        try await onPath(target) { [self] resolver, target throws(StorageError) in
            let node = try Descriptor(opening: device.path, cls_O_PATH | O_NOFOLLOW)
            func requireItsDisk() throws(StorageError) {
                let status = try node.status(device.path)
                guard status.isBlockDevice, status.special == device.device,
                    try Sysfs.number("\(disk.sysfsPath)/diskseq") == UInt64(disk.number.rawValue)
                else {
                    throw StorageError(
                        .aborted, "another disk has come in its place; try again", subject: device.path)
                }
            }
            try requireItsDisk()
            let (parent, name) = try resolver.openParent(of: target)
            if try MountTable.top(on: name, in: parent.descriptor, "\(target)") == nil { try requireUnused() }
            let state = try bind(node, device.path, at: target, options)
            do throws(StorageError) { try requireItsDisk() } catch {
                // The node's number has passed to another disk meanwhile.
                try? MountReplacement.detach(name, in: parent.descriptor, "\(target)")
                throw error
            }
            return state
        }
    }

    private func bind(
        _ source: borrowing Descriptor, _ subject: String, at target: HostPath, _ options: BindOptions
    ) throws(StorageError) -> MountState {
        var options = options
        if target.confinement?.hasDisks == true {
            // Mounts below the source, and those that come there later, may be of others' disks.
            guard !options.isRecursive else { throw .outsideConfinement("\(target)") }
            options.propagation = .private
        }
        let status = try source.status(subject)
        let sourceMount = try source.mount()
        let isReadOnly = options.isReadOnly || sourceMount?.isReadOnly ?? false
        let (parent, name) = try resolver.openParent(of: target)
        if let top = try MountTable.top(on: name, in: parent.descriptor, "\(target)") {
            try requireSame(top, as: status, isReadOnly: isReadOnly, on: name, in: parent.descriptor, target)
            return try state(of: top)
        }
        let place = try resolver.open(target, cls_O_PATH)
        try requireEmpty(place, for: status, target)
        guard try place.mountID() == parent.descriptor.mountID() else {
            throw StorageError(.failedPrecondition, "something else is mounted there", subject: "\(target)")
        }
        let tree = try BindMounting.copy(of: source, options, subject)
        try FilesystemMount.attach(tree, to: place, "\(target)")
        do throws(StorageError) { try BindMounting.setPropagation(of: tree, options, subject) } catch {
            // Shared, it could show its caller mounts of others.
            try? MountReplacement.detach(name, in: parent.descriptor, "\(target)")
            throw error
        }
        guard let top = try MountTable.top(on: name, in: parent.descriptor, "\(target)") else {
            throw StorageError(.aborted, "another process has changed what is mounted there", subject: "\(target)")
        }
        // Another process may have changed the mount.
        try requireSame(top, as: status, isReadOnly: isReadOnly, on: name, in: parent.descriptor, target)
        if let reason = MountVisibility().reasonAgainst("\(target)", isMounted: true) {
            logger.warning("mounted where the machine does not see it: \(reason)", metadata: ["path": "\(target)"])
        }
        return try state(of: top)
    }

    /// Fails unless the mount on the name shows the source, and refuses writes as asked.
    private func requireSame(
        _ top: Mount, as source: FileStatus, isReadOnly: Bool, on name: String, in directory: borrowing Descriptor,
        _ target: HostPath
    ) throws(StorageError) {
        let shown = try Descriptor(opening: name, in: directory, cls_O_PATH | O_NOFOLLOW, "\(target)").status(
            "\(target)")
        guard shown.device == source.device, shown.inode == source.inode, shown.special == source.special else {
            throw StorageError(.failedPrecondition, "something else is mounted there", subject: "\(target)")
        }
        guard top.isReadOnly == isReadOnly else {
            throw StorageError(
                .alreadyExists,
                isReadOnly ? "it is mounted there and can be written to" : "it is mounted there read-only",
                subject: "\(target)")
        }
    }

    /// Fails unless the target is of the source's kind and has nothing that the mount would hide.
    private func requireEmpty(
        _ target: borrowing Descriptor, for source: FileStatus, _ path: HostPath
    ) throws(StorageError) {
        let status = try target.status("\(path)")
        guard source.isDirectory else {
            guard status.isRegularFile else {
                throw StorageError(.failedPrecondition, "it is not a file to mount a file on", subject: "\(path)")
            }
            guard status.size == 0 else {
                throw StorageError(.failedPrecondition, "the file is not empty", subject: "\(path)")
            }
            return
        }
        guard status.isDirectory else {
            throw StorageError(.failedPrecondition, "it is not a directory to mount a directory on", subject: "\(path)")
        }
        guard try target.isEmptyDirectory("\(path)") else {
            throw StorageError(.failedPrecondition, "the directory is not empty", subject: "\(path)")
        }
    }

    // MARK: - Unmounts

    public func unmountTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) async throws(StorageError) -> TargetUnmount {
        try await onPath(path) { [self] resolver, path throws(StorageError) in
            var done = TargetUnmount()
            do throws(StorageError) {
                let (parent, name) = try resolver.openParent(of: path)
                if let mount = try MountTable.top(on: name, in: parent.descriptor, "\(path)") {
                    try takeOff(mount, on: name, in: parent.descriptor, path, escalation, patience, &done)
                }
            } catch  where error.code == .notFound || error.isSystemCall(errno: ENOTDIR) {}
            return done
        }
    }

    public func cleanUpTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) async throws(StorageError) -> TargetUnmount {
        try await onPath(path) { [self] resolver, path throws(StorageError) in
            var done = TargetUnmount()
            do throws(StorageError) {
                let (parent, name) = try resolver.openParent(of: path)
                while let mount = try MountTable.top(on: name, in: parent.descriptor, "\(path)") {
                    // It may have come meanwhile.
                    try resolver.requireMountsPermitted(on: name, in: parent.descriptor, path)
                    try takeOff(mount, on: name, in: parent.descriptor, path, escalation, patience, &done)
                }
                try TargetRemoval.remove(name, in: parent.descriptor, "\(path)")
            } catch  where error.code == .notFound || error.isSystemCall(errno: ENOTDIR) {}
            return done
        }
    }

    /// Takes the topmost mount on a name away and adds that to what was done.
    private func takeOff(
        _ mount: Mount, on name: String, in directory: borrowing Descriptor, _ path: HostPath,
        _ escalation: UnmountEscalation, _ patience: Duration, _ done: inout TargetUnmount
    ) throws(StorageError) {
        // A program can serve a disk (ntfs-3g), which is given up no more than another disk.
        let below = try mount.blockDevice
        let isOfServer = mount.isServed && below == nil
        guard escalation != .detach || isOfServer else {
            throw StorageError(
                .failedPrecondition,
                "a filesystem on a disk is not detached: the disk would look free while it is in use",
                subject: "\(path)")
        }
        let device = try mount.deviceName
        let end = ContinuousClock.now + patience
        while true {
            do throws(StorageError) {
                let loss = try unmount(
                    mount, on: name, in: directory, path, force: escalation != .none && isOfServer)
                done.loss = loss ?? done.loss
                done.unmounted += 1
                done.outcome = try outcome(ofTakingOff: mount, device)
                return
            } catch  where error.code == .busy || error.isSystemCall(errno: EINVAL) {
                // It is in use, or gone.
                let isOver = ContinuousClock.now >= end
                guard !isOver || escalation == .detach || error.code != .busy else { throw error }
                if !isOver, error.code == .busy { usleep(Self.patiencePause) }
                // What is there now may be another's.
                guard let top = try MountTable.top(on: name, in: directory, "\(path)") else { return }
                guard top.id == mount.id, top.device == mount.device else {
                    throw StorageError(
                        .aborted, "another process has changed what is mounted there", subject: "\(path)")
                }
                guard error.code == .busy else { throw error }
                guard isOver else { continue }
                try MountReplacement.detach(name, in: directory, "\(path)")
                (done.unmounted, done.wasDetached) = (done.unmounted + 1, true)
                done.outcome = .stillHeld(by: error.holders)
                return
            }
        }
    }

    /// Between two attempts, in microseconds.
    private static let patiencePause: UInt32 = 200_000

    /// What still uses the filesystem. Of a mount of a part of one, or of a device node, nothing is known by that.
    private func outcome(ofTakingOff mount: Mount, _ device: String?) throws(StorageError) -> UnmountOutcome {
        guard mount.isWhole, mount.type != "devtmpfs" else { return .unknown }
        let others = try MountTable.read().filter { $0.device == mount.device && $0.source == mount.source }
        guard others.isEmpty else {
            return .stillHeld(by: others.map { .mount(target: $0.target, seenByProcess: nil) })
        }
        return try outcome(ofUnmounting: mount, device)
    }
}

extension TargetStats {
    fileprivate init(_ status: statvfs) {
        let unit = Int64(clamping: status.f_frsize)
        let total = Int64(clamping: status.f_blocks) * unit
        let bytes = Capacity(
            total: total, used: total - Int64(clamping: status.f_bfree) * unit,
            available: Int64(clamping: status.f_bavail) * unit)
        let files = Int64(clamping: status.f_files)
        let inodes = Capacity(
            total: files, used: files - Int64(clamping: status.f_ffree), available: Int64(clamping: status.f_favail))
        self = .filesystem(bytes: bytes, inodes: files == 0 ? nil : inodes)
    }
}
