// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage
import Logging

extension LinuxBackend {
    /// How long the tools that make, check and grow filesystems may take before they are stopped.
    static let toolDeadline: Duration = .seconds(600)

    public func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        let node = try await node(disk)
        let volumes = try await index.volumes(on: node)
        if volumes.isEmpty {
            // Whether there are none, or there is an error to report.
            try await queues.run(in: .disk(name: node.name)) { () throws(StorageError) in
                try OpenDisk(node).requireClearLayout()
            }
        }
        return volumes.filter { partition == nil || $0.partition?.number == partition }.map(\.id)
    }

    public func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        try await index.locate(volume).disk.number
    }

    public func lastDisk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        if let found = try await index.remembered(volume) { return found.disk.number }
        return try await disk(of: volume)
    }

    /// Runs `body` on a volume where it was found last, which `body` verifies by opening it. Where it was not there, or
    /// `body` has failed for another reason, it is looked for: on another disk by now the call fails, for its caller holds
    /// the locks of the disk that it was on. `body` does not run twice, for it may have changed something.
    func withVolume<Value>(
        _ volume: VolumeID, _ body: (LocatedVolume) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        guard let last = try await index.remembered(volume) else { return try await body(index.locate(volume)) }
        do throws(StorageError) {
            return try await body(last)
        } catch  where error.code == .notFound || error.code == .failedPrecondition {
            let found: LocatedVolume
            do throws(StorageError) { found = try await index.locate(volume) } catch let search {
                throw error.code == .notFound ? search : error
            }
            guard found.disk.number != last.disk.number else { throw error }
            throw StorageError(
                .aborted,
                "the volume was on \(last.disk.devicePath) and is on \(found.disk.devicePath) now; try again")
        }
    }

    public func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await withVolume(volume) { found throws(StorageError) in
            do throws(StorageError) {
                switch try await formatAftermath(found, timeout: .zero) {
                case .none, .complete: break
                case .incomplete, .damaged: return false
                }
            } catch  where error.code == .aborted {
                // It is being formatted at this moment.
                return false
            }
            return try await onVolume(found, .question) { volume throws(StorageError) in
                try volume.content() != .nothing
            }
        }
    }

    public func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError) {
        try await withVolume(volume) { found throws(StorageError) in
            let aftermath = try await formatAftermath(found, timeout: .seconds(5))
            if aftermath == .damaged, signature == nil { throw Self.damagedFormat(found) }
            let prepare = { @Sendable [self] () throws(StorageError) -> VolumeFormat? in
                try systemDisks.refuse(found.disk)
                try requireOnline(found.disk)
                let open = try OpenVolume(found, .exclusive)
                try open.requireWritable()
                if signature == nil, try VolumeFormat.isDone(open, settings.filesystem, journal) { return nil }
                return try VolumeFormat(of: open, settings.filesystem, over: signature, aftermath, journal)
            }
            _ = try await session(on: found, open: prepare) { session throws(StorageError) in
                do throws(StorageError) {
                    try await session.run(session.step(\.run), deadline: Self.toolDeadline)
                } catch {
                    try? await session.step { format throws(StorageError) in try format.undo() }
                    throw error
                }
                try await session.step { [index] format throws(StorageError) in
                    // An empty whole disk is no volume.
                    index.forget(found.disk)
                    try format.finish()
                }
            }
        }
    }

    public func mountVolume(_ volume: VolumeID, at path: HostPath) async throws(StorageError) {
        let use = SystemDiskUse.current
        try frozen.requireThawed(volume)
        try await withVolume(volume) { found throws(StorageError) in
            // Most volumes have nothing in the way, and one look at their disk mounts them.
            var known = MountConditions()
            while let obstacle = try await obstacle(toMounting: found, at: path, known, allowing: use) {
                switch obstacle {
                case .unfinishedFormat:
                    try await requireComplete(found)
                    known.isComplete = true
                case .severalDevices:
                    try await requireNoCopies(of: found)
                    known.hasNoCopies = true
                case .check(let reason): return try await mountChecked(found, at: path, reason)
                }
            }
        }
    }

    /// The checks already done, as they take more than a look at the volume's own disk.
    private struct MountConditions: Sendable {
        var isComplete = false
        var hasNoCopies = false
    }

    private enum MountObstacle: Sendable { case unfinishedFormat, severalDevices, check(String) }

    /// Mounts the volume, opening its disk once; or returns the checks that have to come first.
    private func obstacle(
        toMounting found: LocatedVolume, at path: HostPath, _ known: MountConditions, allowing use: SystemDiskUse?
    ) async throws(StorageError) -> MountObstacle? {
        try await onDisk(of: found) { [self] () throws(StorageError) -> MountObstacle? in
            try systemDisks.refuseMount(of: found.disk, allowing: use)
            if !known.isComplete {
                try journal.adopt(found)
                if let intent = try journal.intent(.format, found.id.guid), intent.finished == nil {
                    return .unfinishedFormat
                }
            }
            try requireOnline(found.disk)
            let volume = try OpenVolume(found)
            let driver = try volume.driver()
            if !known.hasNoCopies, try driver.member(on: volume, from: 0).count > 1 { return .severalDevices }
            return try mount(volume, driver, at: path, isChecked: false).map(MountObstacle.check)
        }
    }

    private func mountChecked(
        _ found: LocatedVolume, at path: HostPath, _ reason: String
    ) async throws(StorageError) {
        let open = { @Sendable () throws(StorageError) in try OpenVolume(found, .exclusive) }
        _ = try await session(on: found, open: open) { session throws(StorageError) in
            let preening = try await session.step { volume throws(StorageError) in
                try volume.driver().preenRun(on: volume)
            }
            let result = try await session.run(preening, deadline: Self.toolDeadline)
            let outcome = CheckStatus(rawValue: result.status)
            guard outcome.isMountable else {
                throw preening.failure(result, "it needs a check by hand: \(preening.tool.name) says \(outcome)")
            }
            logger.warning(
                "a filesystem was checked before its mount",
                metadata: ["volume": "\(found.id)", "reason": "\(reason)", "outcome": "\(outcome)"])
            _ = try await session.step { [self] volume throws(StorageError) in
                try mount(volume, volume.driver(), at: path, isChecked: true)
            }
        }
    }

    /// Mounts the volume, unless it is mounted there and works. Where its filesystem has to be checked first, nothing
    /// is mounted, and the reason returned.
    private func mount(
        _ volume: OpenVolume, _ driver: any FilesystemDriver, at path: HostPath, isChecked: Bool
    ) throws(StorageError) -> String? {
        let path = try resolver.onDiskName(path)
        try volume.requireWritable()
        let (parent, name) = try resolver.openParent(of: path)
        if try MountTable.keptTop(on: name, in: parent.descriptor, "\(path)") != nil,
            let top = try MountTable.top(on: name, in: parent.descriptor, "\(path)")
        {
            if try isServing(top, volume, on: name, in: parent.descriptor, path) { return nil }
        }
        let target = try resolver.open(path, O_RDONLY | O_DIRECTORY)
        guard try target.mountID() == parent.descriptor.mountID() else {
            throw StorageError(.failedPrecondition, "something else is mounted there", subject: "\(path)")
        }
        guard try target.isEmptyDirectory("\(path)") else {
            throw StorageError(.failedPrecondition, "the directory is not empty", subject: "\(path)")
        }
        try LoopAliases.refuseUsed(of: volume)
        if !isChecked, let reason = try driver.reasonToPreen(volume),
            try !volume.isInUse()
        {
            return reason
        }
        // From now on it is in use, and a repeated format is a new one.
        try journal.remove(.format, volume.id.guid)
        try FilesystemMount.mount(
            volume.device, driver, on: target, path: "\(path)", by: helperMounts,
            copies: settings.copies)
        try settle(volume, on: name, in: parent.descriptor, path)
        if let reason = MountVisibility().reasonAgainst("\(path)", isMounted: true) {
            logger.warning("mounted where the machine does not see it: \(reason)", metadata: ["path": "\(path)"])
        }
        return nil
    }

    /// Whether a mount that is there already is the volume's, and works. One that does not work is taken away if it is
    /// unused; one that is in use, or another volume's, is refused.
    private func isServing(
        _ top: Mount, _ volume: OpenVolume, on name: String, in directory: borrowing Descriptor, _ path: HostPath
    ) throws(StorageError) -> Bool {
        guard try top.isOf(volume.device) else {
            guard try top.hasLostItsDevice else {
                throw StorageError(.failedPrecondition, "something else is mounted there", subject: "\(path)")
            }
            try takeAway(top, on: name, in: directory, path, fault: "its device is gone")
            return false
        }
        guard top.isWhole else {
            throw StorageError(
                .failedPrecondition, "a directory of the volume is mounted there, and not the volume",
                subject: "\(path)")
        }
        guard let fault = try fault(of: top, volume, on: name, in: directory) else { return true }
        let elsewhere = try Holders.conflictingUsers(of: volume.device).filter { holder in
            switch holder {
            case .mount(path.hostPath, nil), .process: false
            case .mount, .device: true
            }
        }
        guard elsewhere.isEmpty else { throw Self.unrepaired(fault, elsewhere, path) }
        var top = top
        while try top.isOf(volume.device) {
            try takeAway(top, on: name, in: directory, path, fault: fault)
            guard let next = try MountTable.top(on: name, in: directory, "\(path)") else { break }
            top = next
        }
        return false
    }

    private func fault(
        of top: Mount, _ volume: OpenVolume, on name: String, in directory: borrowing Descriptor
    ) throws(StorageError) -> String? {
        if let fault = try MountHealth.fault(of: top, on: name, in: directory) { return fault }
        guard volume.disk.node.isUnchanged else { return "another disk has come in the place of its own" }
        guard let superblock = try? volume.driver().superblock(of: volume),
            superblock.totalBytes > volume.device.size
        else { return nil }
        return "its device has become smaller than its filesystem"
    }

    private func takeAway(
        _ mount: Mount, on name: String, in directory: borrowing Descriptor, _ path: HostPath, fault: String
    ) throws(StorageError) {
        do throws(StorageError) {
            try unmount(mount, on: name, in: directory, path)
        } catch  where error.code == .busy {
            throw Self.unrepaired(fault, error.holders, path)
        }
        logger.warning(
            "a mount that was of no use was taken away, to mount a volume there",
            metadata: ["path": "\(path)", "source": "\(mount.source)", "fault": "\(fault)"])
    }

    private static func unrepaired(_ fault: String, _ holders: [Holder], _ path: HostPath) -> StorageError {
        StorageError(
            .failedPrecondition, "what is mounted there is of no use: \(fault); it is in use, so it is left as it is",
            subject: "\(path)"
        ).held(by: holders)
    }

    /// Records a new mount. One whose filesystem was dead before, because a process out of sight holds it, is taken
    /// away again.
    private func settle(
        _ volume: OpenVolume, on name: String, in directory: borrowing Descriptor, _ path: HostPath
    ) throws(StorageError) {
        // The mount has changed the table, so it is read here.
        guard let mount = try MountTable.keptTop(on: name, in: directory, "\(path)"), try mount.isOf(volume.device)
        else {
            throw StorageError(.aborted, "another process has changed what is mounted there", subject: "\(path)")
        }
        if let fault = try MountHealth.fault(of: mount, on: name, in: directory) {
            _ = try? unmount(mount, on: name, in: directory, path)
            throw Self.unrepaired(fault, Holders.ofDevice(volume.device), path)
        }
        do throws(StorageError) {
            try mountRecords.note(volume.id, mount)
        } catch {
            logger.warning(
                "it is not on record which volume is mounted: \(error)",
                metadata: ["volume": "\(volume.id)", "path": "\(path)"])
        }
    }

    @discardableResult
    public func unmountVolume(
        _ volume: VolumeID, from path: HostPath
    ) async throws(StorageError) -> UnmountOutcome {
        // Most mounts are on record, and taken away with the first look.
        switch try await unmount(from: path, { [mountRecords] top in top.flatMap(mountRecords.volume) == volume }) {
        case .unmounted(let outcome): return outcome
        case .other(let top):
            try await require(volume, at: path, as: top)
            let outcome = try await unmount(from: path) { now in now?.id == top?.id && now?.device == top?.device }
            guard case .unmounted(let outcome) = outcome else {
                throw StorageError(
                    .aborted, "another process has changed what is mounted there", subject: "\(path)")
            }
            return outcome
        }
    }

    private enum UnmountStep: Sendable {
        case unmounted(UnmountOutcome)
        /// Nothing was done.
        case other(Mount?)
    }

    /// Takes the topmost mount on the path away, if it is the intended one.
    private func unmount(
        from path: HostPath, _ isIntended: @escaping @Sendable (Mount?) -> Bool
    ) async throws(StorageError) -> UnmountStep {
        try await onPath(path) { [self] resolver, path throws(StorageError) in
            let (parent, name) = try resolver.openParent(of: path)
            let top = try MountTable.top(on: name, in: parent.descriptor, "\(path)")
            guard isIntended(top) else { return .other(top) }
            guard let mount = top else {
                // Fails where there is no such path.
                _ = try parent.descriptor.status(of: name, "\(path)")
                throw StorageError(.failedPrecondition, "not a mounted folder", subject: "\(path)")
            }
            let device = try mount.deviceName
            try unmount(mount, on: name, in: parent.descriptor, path)
            return .unmounted(try outcome(ofUnmounting: mount, device))
        }
    }

    /// Fails unless the volume is mounted there: as recorded when it was mounted, or as its disk says.
    private func require(_ volume: VolumeID, at path: HostPath, as top: Mount?) async throws(StorageError) {
        let device: VolumeDevice
        do throws(StorageError) {
            let found = try await index.locate(volume) { () async throws(StorageError) in
                guard let device = try top?.blockDevice else { return nil }
                return try Self.disk(of: device)?.name
            }
            device = try await onVolume(found, .question) { volume in volume.device }
        } catch {
            // The volume of that mount cannot be found out any more, and the mount is of no use.
            if let top, try top.hasLostItsDevice, mountRecords.volume(of: top) == nil { return }
            throw error
        }
        guard let top, try !top.isOf(device) else { return }
        throw StorageError(.failedPrecondition, "another volume is mounted there", subject: "\(path)")
    }

    /// - Parameter device: the kernel's name of the device that was mounted; nil where that is gone.
    func outcome(ofUnmounting mount: Mount, _ device: String?) throws(StorageError) -> UnmountOutcome {
        guard let device, let number = try mount.blockDevice else {
            let others = try MountTable.read().filter { $0.device == mount.device }
            return others.isEmpty
                ? .released : .stillHeld(by: others.map { .mount(target: $0.target, seenByProcess: nil) })
        }
        let below = VolumeDevice(name: device, device: number, size: 0)
        do throws(StorageError) {
            _ = try Descriptor(opening: below.path, O_RDONLY | O_EXCL | O_NONBLOCK)
            return .released
        } catch {
            // A device that cannot even be opened is used by its mounts alone.
            let holders = Holders.ofDevice(below)
            return error.code != .busy && holders.isEmpty ? .released : .stillHeld(by: holders)
        }
    }

    public func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        let growth = try await withVolume(volume) { found throws(StorageError) in
            try await requireComplete(found)
            let prepare = { @Sendable [self] () throws(StorageError) -> VolumeGrowth? in
                try systemDisks.refuse(found.disk)
                try requireOnline(found.disk)
                let open = try OpenVolume(found, .exclusiveWithTable)
                try open.requireWritable()
                return try VolumeGrowth(of: open, to: size, journal)
            }
            return try await session(on: found, open: prepare) {
                session throws(StorageError) -> Result<Void, StorageError> in
                // Nothing is written before every check has passed.
                for run in try await session.step({ growth throws(StorageError) in try growth.checkRuns() }) {
                    try await session.run(run, deadline: Self.toolDeadline)
                }
                do throws(StorageError) {
                    try await session.step { growth throws(StorageError) in try growth.growPartition() }
                    for run in try await session.step({ growth throws(StorageError) in try growth.growthRuns() }) {
                        try await session.run(run, deadline: Self.toolDeadline)
                    }
                    try await session.step { growth throws(StorageError) in try growth.finish() }
                    return .success(())
                } catch {
                    try? await session.step { growth in growth.abandon() }
                    // Not thrown: the partition has another size now, and the growth would be begun again for that.
                    return .failure(error)
                }
            }
        }
        try growth?.get()
    }

    public func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        try await withVolume(volume) { found throws(StorageError) in
            try await onVolume(found, .question) { volume throws(StorageError) in try volume.stats() }
        }
    }

    public func flushVolume(_ volume: VolumeID) async throws(StorageError) {
        try await withVolume(volume) { found throws(StorageError) in
            try await onVolume(found, .question) { volume throws(StorageError) in try volume.flush() }
        }
    }

    public func volume(mountedAt path: HostPath) async throws(StorageError) -> VolumeID {
        let use = SystemDiskUse.current
        let mounted = try await onPath(path) { [self] resolver, path throws(StorageError) -> MountedDevice? in
            let place = try resolver.resolvingSymlinks(path)
            guard !place.isRoot else {
                let root = try resolver.open(place, cls_O_PATH)
                guard try root.status("\(path)").isMountRoot, let mount = try root.mount() else { return nil }
                return try device(of: mount, holding: path, allowing: use)
            }
            let (parent, name) = try resolver.openParent(of: place)
            if let top = try MountTable.keptTop(on: name, in: parent.descriptor, "\(path)") {
                return try device(of: top, holding: path, allowing: use)
            }
            _ = try parent.descriptor.status(of: name, "\(path)")
            return nil
        }
        guard let mounted else { throw StorageError(.failedPrecondition, "not a mounted folder", subject: "\(path)") }
        return try await volume(on: mounted, holding: path)
    }

    public func volume(closestTo path: HostPath) async throws(StorageError) -> VolumeID {
        let use = SystemDiskUse.current
        let mounted = try await onPath(path) { [self] resolver, path throws(StorageError) in
            guard let mount = try KeptMountTable.own.mount(resolver.openFollowing(path, cls_O_PATH).mountID()) else {
                throw Self.noVolume(at: path)
            }
            return try device(of: mount, holding: path, allowing: use)
        }
        return try await volume(on: mounted, holding: path)
    }

    /// What is mounted, as far as the kernel's records say.
    private enum MountedDevice: Sendable {
        case disk(DiskNode, PartitionMark?, Mount)
        /// Its disk is gone or does not answer, and the mount is still there: on record as this volume.
        case recorded(VolumeID)
    }

    /// The device of a mount. Fails for a disk of the running system.
    private func device(
        of mount: Mount, holding path: HostPath, allowing use: SystemDiskUse?
    ) throws(StorageError) -> MountedDevice {
        do throws(StorageError) {
            guard let device = try mount.blockDevice, let (name, partition) = try Self.disk(of: device),
                let disk = try inventory.disk(named: name)
            else { throw Self.noVolume(at: path) }
            try SystemDisks.refuse(disk, allowing: use)
            return .disk(disk, partition, mount)
        } catch  where error.code != .denied {
            guard let volume = mountRecords.volume(of: mount) else { throw error }
            return .recorded(volume)
        }
    }

    private func volume(
        on mounted: MountedDevice, holding path: HostPath
    ) async throws(StorageError) -> VolumeID {
        switch mounted {
        case .recorded(let volume): return volume
        case .disk(let disk, let partition, let mount):
            return try await volume(of: partition, on: disk, mount, holding: path)
        }
    }

    private func volume(
        of partition: PartitionMark?, on disk: DiskNode, _ mount: Mount, holding path: HostPath
    ) async throws(StorageError) -> VolumeID {
        do throws(StorageError) {
            guard let partition else { return try await index.wholeVolume(of: disk) }
            let volume = try await index.volumes(on: disk).first { $0.partition.map(partition.isSame) ?? false }
            guard let volume else { throw Self.noVolume(at: path) }
            return volume.id
        } catch  where error.code != .denied {
            let recorded = try await queues.run(in: .path(path)) { [mountRecords] () throws(StorageError) in
                mountRecords.volume(of: mount)
            }
            guard let recorded else { throw error }
            return recorded
        }
    }

    /// Identifies the partition of a table that a device is.
    enum PartitionMark: Sendable {
        /// Of a multipath map.
        case number(PartitionNumber)
        /// The kernel's number may be another than the table's.
        case start(Int64)

        func isSame(_ partition: PartitionTable.Partition) -> Bool {
            switch self {
            case .number(let number): partition.number == number
            case .start(let start): partition.start == start
            }
        }
    }

    /// The kernel's name of the disk that a device is or is on, and which partition it is.
    static func disk(of device: DeviceNumber) throws(StorageError) -> (name: String, PartitionMark?)? {
        guard let name = Sysfs.linkName("/sys/dev/block/\(device)") else { return nil }
        if let mapped = try MappedPartition(name: name) { return (mapped.disk, .number(mapped.number)) }
        let disk = BlockDeviceName.disk(of: name)
        guard disk != name else { return (disk, nil) }
        return (disk, try Sysfs.number("/sys/class/block/\(name)/start").map { .start(Int64($0) * 512) })
    }

    private static func noVolume(at path: HostPath) -> StorageError {
        StorageError(.failedPrecondition, "the filesystem there is on no volume of this host", subject: "\(path)")
    }
}
