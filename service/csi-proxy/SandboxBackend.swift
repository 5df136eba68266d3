// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageLinux

/// This machine with none but the sandbox's own disks: a driver under test neither sees nor changes others.
struct SandboxBackend: StorageBackend {
    let machine: LinuxBackend
    let disks: [DiskNumber: AttachedDisk]

    struct AttachedDisk: Sendable {
        let disk: SandboxDisk
        let device: LoopDevice
    }

    private func requireOwn(_ disk: DiskNumber) throws(StorageError) {
        guard disks[disk] != nil else {
            throw StorageError(.notFound, "the sandbox has no such disk", subject: "disk \(disk)")
        }
    }

    private func requireOwn(_ volume: VolumeID) async throws(StorageError) {
        let disk = try await machine.disk(of: volume)
        guard disks[disk] != nil else {
            throw StorageError(.notFound, "the sandbox has no such volume", subject: "\(volume)")
        }
    }

    // MARK: - Disks

    func diskLocations() -> [DiskNumber: DiskLocation] { disks.mapValues(\.disk.location) }

    func diskIdentifiers() -> [DiskNumber: DiskIdentifiers] { disks.mapValues(\.disk.identifiers) }

    /// A file of a disk can have grown, and many drivers do not ask for a rescan after they have had a disk grown.
    private func updateCapacity(of disk: DiskNumber) throws(StorageError) {
        try disks[disk]?.device.updateCapacity()
    }

    /// Others' disks are not asked whether they have grown.
    func rescanDisks() throws(StorageError) {
        for own in disks.values { try own.device.updateCapacity() }
    }

    func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64 {
        try requireOwn(disk)
        try updateCapacity(of: disk)
        return try await machine.diskSize(disk)
    }

    func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState {
        try requireOwn(disk)
        return try await machine.diskState(disk)
    }

    func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError) {
        try requireOwn(disk)
        try await machine.setDiskState(disk, to: state)
    }

    func partitionDisk(_ disk: DiskNumber) async throws(StorageError) {
        try requireOwn(disk)
        try await machine.partitionDisk(disk)
    }

    // MARK: - Volumes

    func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        try requireOwn(disk)
        return try await machine.volumes(on: disk, partition: partition)
    }

    func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        try await requireOwn(volume)
        return try await machine.disk(of: volume)
    }

    func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await requireOwn(volume)
        return try await machine.isVolumeFormatted(volume)
    }

    func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError) {
        try await requireOwn(volume)
        try await machine.formatVolume(volume, over: signature)
    }

    func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        try await requireOwn(volume)
        try updateCapacity(of: try await machine.disk(of: volume))
        try await machine.resizeVolume(volume, to: size)
    }

    func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        try await requireOwn(volume)
        return try await machine.volumeStats(volume)
    }

    func flushVolume(_ volume: VolumeID) async throws(StorageError) {
        try await requireOwn(volume)
        try await machine.flushVolume(volume)
    }

    func mountVolume(_ volume: VolumeID, at path: HostPath) async throws(StorageError) {
        try await requireOwn(volume)
        try await machine.mountVolume(volume, at: path)
    }

    func unmountVolume(_ volume: VolumeID, from path: HostPath) async throws(StorageError) -> UnmountOutcome {
        try await requireOwn(volume)
        return try await machine.unmountVolume(volume, from: path)
    }

    func volume(mountedAt path: HostPath) async throws(StorageError) -> VolumeID {
        try await own(try await machine.volume(mountedAt: path), at: path)
    }

    func volume(closestTo path: HostPath) async throws(StorageError) -> VolumeID {
        let volume: VolumeID
        do throws(StorageError) {
            volume = try await machine.volume(closestTo: path)
        } catch  where error.code == .denied {
            // The machine keeps its own disk to itself.
            throw Self.onDriveC(path)
        }
        return try await own(volume, at: path)
    }

    /// A directory on C: is one of this machine's, whose disks are not the sandbox's.
    private func own(_ volume: VolumeID, at path: HostPath) async throws(StorageError) -> VolumeID {
        guard let disk = try? await machine.disk(of: volume), disks[disk] != nil else { throw Self.onDriveC(path) }
        return volume
    }

    private static func onDriveC(_ path: HostPath) -> StorageError {
        StorageError(
            .failedPrecondition, "it is on C:, which is a directory in a sandbox and no volume", subject: "\(path)")
    }

    // MARK: - Directories

    func pathExists(_ path: HostPath) async throws(StorageError) -> Bool { try await machine.pathExists(path) }

    func makeDirectory(_ path: HostPath) async throws(StorageError) { try await machine.makeDirectory(path) }

    func remove(_ path: HostPath, force: Bool) async throws(StorageError) {
        try await machine.remove(path, force: force)
    }

    func removeContents(of path: HostPath) async throws(StorageError) {
        try await machine.removeContents(of: path)
    }

    func createSymlink(at link: HostPath, to target: HostPath) async throws(StorageError) {
        try await machine.createSymlink(at: link, to: target)
    }

    func isSymlink(_ path: HostPath) async throws(StorageError) -> Bool { try await machine.isSymlink(path) }

    // MARK: - Shares

    // They are mounted in the sandbox, and go with it.

    func mapShare(
        _ remote: SMBRemotePath, linkedAt link: HostPath?, as credentials: SMBCredentials?
    ) async throws(StorageError) { try await machine.mapShare(remote, linkedAt: link, as: credentials) }

    func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) { try await machine.unmapShare(remote) }

    // MARK: - Services, iSCSI

    // These are the machine's: a driver is to be tried, not the machine changed.

    private static func absent(_ what: String) -> StorageError {
        StorageError(.unsupported, "a sandbox has no \(what) of its own, and keeps its hands off the machine's")
    }

    func biosSerialNumber() async throws(StorageError) -> String { try await machine.biosSerialNumber() }

    func service(_ name: ServiceName) throws(StorageError) -> HostService { throw Self.absent("services") }

    func servicesChanged(with name: ServiceName, dependents: Bool) throws(StorageError) -> [ServiceName] {
        throw Self.absent("services")
    }

    func startService(_ name: ServiceName) throws(StorageError) { throw Self.absent("services") }

    func stopService(_ name: ServiceName, force: Bool) throws(StorageError) { throw Self.absent("services") }

    func addPortal(_ portal: ISCSIPortal) throws(StorageError) { throw Self.absent("iSCSI targets") }

    func portals() throws(StorageError) -> [ISCSIPortal] { throw Self.absent("iSCSI targets") }

    func removePortal(_ portal: ISCSIPortal) throws(StorageError) { throw Self.absent("iSCSI targets") }

    func discoverTargets(at portal: ISCSIPortal) throws(StorageError) -> [ISCSIName] {
        throw Self.absent("iSCSI targets")
    }

    func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) throws(StorageError) { throw Self.absent("iSCSI targets") }

    func disconnectTarget(_ target: ISCSITarget) throws(StorageError) { throw Self.absent("iSCSI targets") }

    func disks(of target: ISCSITarget) throws(StorageError) -> [DiskNumber] { throw Self.absent("iSCSI targets") }

    func setMutualCHAPSecret(_ secret: Secret) throws(StorageError) { throw Self.absent("iSCSI targets") }
}
