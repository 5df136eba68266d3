// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage
import Logging

extension LinuxBackend {
    /// How long the tools that make, check and grow filesystems may take before they are stopped.
    private static let toolDeadline: Duration = .seconds(600)

    public func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        try await index.volumes(on: try await node(disk))
            .filter { partition == nil || $0.partition?.number == partition }
            .map(\.id)
    }

    public func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        try await index.locate(volume).disk.number
    }

    public func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        let found = try await index.locate(volume)
        do throws(StorageError) {
            switch try await formatAftermath(found, patience: .zero) {
            case .none, .whole: break
            case .remains, .faulty: return false
            }
        } catch  where error.code == .aborted {
            // It is being formatted at this moment.
            return false
        }
        return try await onDisk(of: found) { () throws(StorageError) in
            try OpenVolume(found).content() != .nothing
        }
    }

    public func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError) {
        let found = try await index.locateAnew(volume)
        switch try await formatAftermath(found, patience: .seconds(5)) {
        case .whole: return
        case .faulty where signature == nil: throw Self.faultyFormat(found)
        case .none, .remains, .faulty: break
        }
        let format = try await onDisk(of: found) { [self] () throws(StorageError) -> VolumeFormat? in
            try SystemDisks.refuse(found.disk)
            try requireOnline(found.disk)
            let open = try OpenVolume(found, .exclusive)
            if signature == nil, try VolumeFormat.isDone(open, settings.filesystem, journal) { return nil }
            return try VolumeFormat(of: open, settings.filesystem, over: signature, journal)
        }
        guard let format else { return }
        do throws(StorageError) {
            try await format.tool.run(
                format.arguments, deadline: Self.toolDeadline, subject: format.volume.device.path)
        } catch {
            // A tool that refused has left no remains.
            try? await onDisk(of: found) { () throws(StorageError) in try format.withdrawIfBlank() }
            throw error
        }
        try await onDisk(of: found) { [index] () throws(StorageError) in
            // As long as it holds nothing, a whole disk is no volume.
            index.forget(found.disk)
            try format.finish()
        }
    }

    public func mountVolume(_ volume: VolumeID, at path: HostPath) async throws(StorageError) {
        let found = try await index.locate(volume)
        try await requireWhole(found)
        let toCheck = try await onDisk(of: found) { [self] () throws(StorageError) in
            try requireOnline(found.disk)
            return try mount(OpenVolume(found), at: path, isChecked: false)
        }
        guard let reason = toCheck else { return }
        let open = try await onDisk(of: found) { () throws(StorageError) in try OpenVolume(found, .exclusive) }
        let outcome = try await FilesystemCheck.preen(open)
        logger.warning(
            "a filesystem was checked before its mount",
            metadata: ["volume": "\(volume)", "reason": "\(reason)", "outcome": "\(outcome)"])
        _ = try await onDisk(of: found) { [self] () throws(StorageError) in
            try mount(open, at: path, isChecked: true)
        }
    }

    /// Mounts the volume, unless it is mounted there. Where its filesystem has to be checked first, nothing
    /// is done, and the reason returned.
    private func mount(_ volume: OpenVolume, at path: HostPath, isChecked: Bool) throws(StorageError) -> String? {
        let path = try door.actual(path)
        let target = try door.open(path, O_RDONLY | O_DIRECTORY)
        let status = try target.status("\(path)")
        if status.isMountRoot {
            guard try status.blockDevice() == volume.device.device else {
                throw StorageError(.failedPrecondition, "something else is mounted there", subject: "\(path)")
            }
            return nil
        }
        guard try target.isEmptyDirectory("\(path)") else {
            throw StorageError(.failedPrecondition, "the directory is not empty", subject: "\(path)")
        }
        let type = try volume.filesystemType()
        if !isChecked, let reason = try FilesystemCheck.reason(volume, type: type), try !volume.isInUse() {
            return reason
        }
        // From now on it is in use, and a repeated format is another one.
        try journal.strike(.format, volume.id.guid)
        try FilesystemMount.mount(volume.device, type: type, on: target, path: "\(path)", by: helperMounts)
        return nil
    }

    @discardableResult
    public func unmountVolume(
        _ volume: VolumeID, from path: HostPath
    ) async throws(StorageError) -> UnmountOutcome {
        let found = try await index.locate(volume)
        return try await onDisk(of: found) { [door] () throws(StorageError) in
            let open = try OpenVolume(found)
            let path = try door.actual(path)
            let (parent, name) = try door.openParent(of: path)
            let status = try parent.descriptor.status(of: name, "\(path)")
            guard status.isMountRoot else {
                throw StorageError(.failedPrecondition, "not a mounted folder", subject: "\(path)")
            }
            guard try status.blockDevice() == open.device.device else {
                throw StorageError(.failedPrecondition, "another volume is mounted there", subject: "\(path)")
            }
            try Unmount.unmount(name, in: parent.descriptor, path)
            return try open.isInUse() ? .stillHeld(by: Holders.ofDevice(open.device)) : .released
        }
    }

    public func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        let found = try await index.locateAnew(volume)
        try await requireWhole(found)
        let growth = try await onDisk(of: found) { [self] () throws(StorageError) -> FilesystemGrowth? in
            try SystemDisks.refuse(found.disk)
            try requireOnline(found.disk)
            let open = try OpenVolume(found, .exclusiveWithTable)
            let plan = try PartitionGrowth.plan(size, for: open)
            let growth = try FilesystemGrowth(of: open)
            // An earlier call may have grown the partition and not come to the filesystem.
            if plan == .keep, try !growth.isBehind(), try journal.intent(.resize, volume.guid) == nil { return nil }
            try growth.requirePossible()
            try journal.note(.resize, volume.guid, on: found.disk)
            if case .grow(let bytes) = plan, let partition = open.partition {
                try PartitionGrowth.grow(partition, to: bytes, on: open.disk)
            }
            return try growth.growByKernel() ? nil : growth
        }
        if let growth { try await growth.growByTool(deadline: Self.toolDeadline) }
        try await onDisk(of: found) { [journal] () throws(StorageError) in
            let open = if let growth { growth.volume } else { try OpenVolume(found) }
            guard try !FilesystemGrowth(of: open).isBehind() else {
                throw StorageError(
                    .internalError, "the filesystem has not grown with its partition", subject: found.disk.devicePath)
            }
            try journal.strike(.resize, volume.guid)
        }
    }

    public func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        let found = try await index.locate(volume)
        return try await onDisk(of: found) { () throws(StorageError) in
            try FilesystemSize.stats(of: OpenVolume(found))
        }
    }

    public func flushVolume(_ volume: VolumeID) async throws(StorageError) {
        let found = try await index.locate(volume)
        try await onDisk(of: found) { () throws(StorageError) in
            try OpenVolume(found).flush()
        }
    }

    public func volume(mountedAt path: HostPath) async throws(StorageError) -> VolumeID {
        let device = try await onPath(path) { door, path throws(StorageError) in
            let place = try door.following(path)
            let status = try door.open(place, cls_O_PATH).status("\(path)")
            guard status.isMountRoot else {
                throw StorageError(.failedPrecondition, "not a mounted folder", subject: "\(path)")
            }
            return try status.blockDevice()
        }
        return try await self.volume(on: device, holding: path)
    }

    public func volume(closestTo path: HostPath) async throws(StorageError) -> VolumeID {
        let device = try await onPath(path) { door, path throws(StorageError) in
            try door.open(try door.following(path), cls_O_PATH).status("\(path)").blockDevice()
        }
        return try await self.volume(on: device, holding: path)
    }

    private func volume(on device: DeviceNumber?, holding path: HostPath) async throws(StorageError) -> VolumeID {
        guard let device else { throw Self.noVolume(at: path) }
        let (disk, partition) = try await lanes.run(in: .inventory) { [inventory] () throws(StorageError) in
            guard let name = Sysfs.linkName("/sys/dev/block/\(device)") else { throw Self.noVolume(at: path) }
            let mapped = try MappedPartition(name: name)
            let diskName = mapped?.disk ?? BlockDeviceName.disk(of: name)
            guard let disk = try inventory.disks().first(where: { $0.name == diskName }) else {
                throw Self.noVolume(at: path)
            }
            let number = try Sysfs.number("/sys/class/block/\(name)/partition")
            return (disk, mapped?.number ?? number.map { PartitionNumber(UInt32($0)) })
        }
        guard let partition else {
            return try await lanes.run(in: .disk(name: disk.name)) { () throws(StorageError) in try disk.wholeVolumeID()
            }
        }
        guard let volume = try await index.volumes(on: disk).first(where: { $0.partition?.number == partition }) else {
            throw Self.noVolume(at: path)
        }
        return volume.id
    }

    private static func noVolume(at path: HostPath) -> StorageError {
        StorageError(.failedPrecondition, "the filesystem there is on no volume of this host", subject: "\(path)")
    }
}
