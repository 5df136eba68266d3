// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage

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
        return try await onDisk(of: found) { () throws(StorageError) in
            try OpenVolume(found).content() != .nothing
        }
    }

    public func formatVolume(_ volume: VolumeID) async throws(StorageError) {
        let found = try await index.locateAnew(volume)
        let filesystem = settings.filesystem
        let (tool, open) = try await onDisk(of: found) { [self] () throws(StorageError) in
            let tool = try filesystem.makingTool()
            try SystemDisks.refuse(found.disk)
            try requireOnline(found.disk)
            let open = try OpenVolume(found, .exclusive)
            // The tool claims the device for itself, so the proof's own claim has to end before. The disk's
            // lock, the open device and the disk's key in the registry stay.
            _ = try BlankProof(of: open.device.device, at: open.device.path, size: open.device.size)
            return (tool, open)
        }
        try await tool.run(
            filesystem.makingArguments(open.pinnedPath), deadline: Self.toolDeadline, subject: open.device.path)
        try await onDisk(of: found) { () throws(StorageError) in
            try checkErrno(fsync(open.descriptor.raw), "fsync", open.device.path)
            guard try open.filesystemType() == filesystem.rawValue else {
                throw StorageError(
                    .internalError, "the new filesystem does not show on the volume", subject: open.device.path)
            }
        }
    }

    public func mountVolume(_ volume: VolumeID, at path: HostPath) async throws(StorageError) {
        let found = try await index.locate(volume)
        try await onDisk(of: found) { [self] () throws(StorageError) in
            try requireOnline(found.disk)
            let open = try OpenVolume(found)
            let target = try door.open(path, O_RDONLY | O_DIRECTORY)
            let status = try target.status("\(path)")
            if status.isMountRoot {
                guard try status.blockDevice() == open.device.device else {
                    throw StorageError(.failedPrecondition, "something else is mounted there", subject: "\(path)")
                }
                return
            }
            guard try target.isEmptyDirectory("\(path)") else {
                throw StorageError(.failedPrecondition, "the directory is not empty", subject: "\(path)")
            }
            try FilesystemMount.mount(open.device, type: try open.filesystemType(), on: target, path: "\(path)")
        }
    }

    public func unmountVolume(_ volume: VolumeID, from path: HostPath) async throws(StorageError) {
        let found = try await index.locate(volume)
        try await onDisk(of: found) { [door] () throws(StorageError) in
            let open = try OpenVolume(found)
            let (parent, name) = try door.openParent(of: path)
            let status = try parent.descriptor.status(of: name, "\(path)")
            guard status.isMountRoot else {
                throw StorageError(.failedPrecondition, "not a mounted folder", subject: "\(path)")
            }
            guard try status.blockDevice() == open.device.device else {
                throw StorageError(.failedPrecondition, "another volume is mounted there", subject: "\(path)")
            }
            try Unmount.unmount(name, in: parent.descriptor, "\(path)")
        }
    }

    public func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        let found = try await index.locateAnew(volume)
        let minimumGrowth = settings.minimumGrowth
        let growth = try await onDisk(of: found) { [self] () throws(StorageError) -> FilesystemGrowth? in
            try SystemDisks.refuse(found.disk)
            try requireOnline(found.disk)
            let open = try OpenVolume(found, .exclusiveWithTable)
            let plan = try PartitionGrowth.plan(size, for: open, minimumGrowth: minimumGrowth)
            let growth = try FilesystemGrowth(of: open)
            // An earlier call may have grown the partition and not come to the filesystem.
            if plan == .keep, try !growth.isBehind() { return nil }
            try growth.requirePossible()
            if case .grow(let bytes) = plan, let partition = open.partition {
                try PartitionGrowth.grow(partition, to: bytes, on: open.disk)
            }
            return try growth.growByKernel() ? nil : growth
        }
        guard let growth else { return }
        try await growth.growByTool(deadline: Self.toolDeadline)
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
        let device = try await onPath(path) { door throws(StorageError) in
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
        let device = try await onPath(path) { door throws(StorageError) in
            try door.open(try door.following(path), cls_O_PATH).status("\(path)").blockDevice()
        }
        return try await self.volume(on: device, holding: path)
    }

    private func volume(on device: DeviceNumber?, holding path: HostPath) async throws(StorageError) -> VolumeID {
        guard let device else { throw Self.noVolume(at: path) }
        let (disk, partition) = try await lanes.run(in: .inventory) { [inventory] () throws(StorageError) in
            guard let name = Sysfs.linkName("/sys/dev/block/\(device)") else { throw Self.noVolume(at: path) }
            let diskName = BlockDeviceName.disk(of: name)
            guard let disk = try inventory.disks().first(where: { $0.name == diskName }) else {
                throw Self.noVolume(at: path)
            }
            let number = try Sysfs.number("/sys/class/block/\(name)/partition")
            return (disk, number.map { PartitionNumber(UInt32($0)) })
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
