// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageTestKit
import ProxyServer
import Synchronization

/// A host that notes who asks it to rescan, and otherwise is one in memory.
final class CredentialsHost: StorageHost {
    private let memory: MemoryHost
    private let noted = Mutex<PeerCredentials?>(nil)

    init() throws { memory = try MemoryHost() }

    var seen: PeerCredentials? { noted.withLock { $0 } }

    func rescanDisks() async throws(StorageError) {
        noted.withLock { $0 = PeerCredentials.current }
    }

    func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation] { try await memory.diskLocations() }
    func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        try await memory.diskIdentifiers()
    }
    func partitionDisk(_ disk: DiskNumber) async throws(StorageError) { try await memory.partitionDisk(disk) }
    func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64 { try await memory.diskSize(disk) }
    func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError) {
        try await memory.setDiskState(disk, to: state)
    }
    func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState { try await memory.diskState(disk) }
    func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        try await memory.volumes(on: disk, partition: partition)
    }
    func mountVolume(_ volume: VolumeID, at path: String) async throws(StorageError) {
        try await memory.mountVolume(volume, at: path)
    }
    func unmountVolume(_ volume: VolumeID, from path: String) async throws(StorageError) -> UnmountOutcome {
        try await memory.unmountVolume(volume, from: path)
    }
    func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await memory.isVolumeFormatted(volume)
    }
    func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError) {
        try await memory.formatVolume(volume, over: signature)
    }
    func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        try await memory.resizeVolume(volume, to: size)
    }
    func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        try await memory.volumeStats(volume)
    }
    func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber { try await memory.disk(of: volume) }
    func volume(mountedAt path: String) async throws(StorageError) -> VolumeID {
        try await memory.volume(mountedAt: path)
    }
    func volume(closestTo path: String) async throws(StorageError) -> VolumeID {
        try await memory.volume(closestTo: path)
    }
    func flushVolume(_ volume: VolumeID) async throws(StorageError) { try await memory.flushVolume(volume) }
    func pathExists(_ path: String) async throws(StorageError) -> Bool { try await memory.pathExists(path) }
    func makeDirectory(_ path: String) async throws(StorageError) { try await memory.makeDirectory(path) }
    func remove(_ path: String, force: Bool) async throws(StorageError) { try await memory.remove(path, force: force) }
    func removeContents(of path: String) async throws(StorageError) { try await memory.removeContents(of: path) }
    func createSymlink(at link: String, to target: String) async throws(StorageError) {
        try await memory.createSymlink(at: link, to: target)
    }
    func isSymlink(_ path: String) async throws(StorageError) -> Bool { try await memory.isSymlink(path) }
    func mapShare(_ remote: SMBRemotePath, linkedAt link: String?, as credentials: SMBCredentials?)
        async throws(StorageError)
    {
        try await memory.mapShare(remote, linkedAt: link, as: credentials)
    }
    func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        try await memory.unmapShare(remote)
    }
    func biosSerialNumber() async throws(StorageError) -> String {
        try await memory.biosSerialNumber()
    }
    func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        try await memory.service(name)
    }
    func servicesChanged(with name: ServiceName, dependents: Bool) async throws(StorageError) -> [ServiceName] {
        try await memory.servicesChanged(with: name, dependents: dependents)
    }
    func startService(_ name: ServiceName) async throws(StorageError) {
        try await memory.startService(name)
    }
    func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        try await memory.stopService(name, force: force)
    }
    func addPortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await memory.addPortal(portal)
    }
    func portals() async throws(StorageError) -> [ISCSIPortal] {
        try await memory.portals()
    }
    func removePortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await memory.removePortal(portal)
    }
    func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        try await memory.discoverTargets(at: portal)
    }
    func connectTarget(_ target: ISCSITarget, as authentication: ISCSIAuthentication) async throws(StorageError) {
        try await memory.connectTarget(target, as: authentication)
    }
    func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) {
        try await memory.disconnectTarget(target)
    }
    func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        try await memory.disks(of: target)
    }
    func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) {
        try await memory.setMutualCHAPSecret(secret)
    }
}
