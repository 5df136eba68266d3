// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageClient
import StorageVersions
import Testing

/// One version of each group, as a driver of some age speaks them.
struct OldVersions: Sendable, CustomTestStringConvertible {
    var pins: [APIGroup: APIVersion]

    /// So many that every version of every group is in one; the newest are what an unpinned client takes.
    static let all: [OldVersions] = (1..<(APIGroup.allCases.map(\.versions.count).max() ?? 1)).map { age in
        OldVersions(
            pins: Dictionary(
                uniqueKeysWithValues: APIGroup.allCases.map { group in
                    (group, group.versions[min(age, group.versions.count - 1)])
                }))
    }

    var testDescription: String {
        pins.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }
}

/// A client of old versions that leaves to another host what its versions lack.
struct VersionedHost: StorageHost {
    private let client: HostStorageClient
    private let other: any StorageHost

    init(_ client: HostStorageClient, else other: any StorageHost) {
        self.client = client
        self.other = other
    }

    private func ask<Answer>(
        _ call: (any StorageHost) async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        do throws(StorageError) {
            return try await call(client)
        } catch  where error.code == .unsupported {
            return try await call(other)
        }
    }

    func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation] {
        try await ask { host throws(StorageError) in try await host.diskLocations() }
    }
    func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        try await ask { host throws(StorageError) in try await host.diskIdentifiers() }
    }
    func partitionDisk(_ disk: DiskNumber) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.partitionDisk(disk) }
    }
    func rescanDisks() async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.rescanDisks() }
    }
    func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64 {
        try await ask { host throws(StorageError) in try await host.diskSize(disk) }
    }
    func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.setDiskState(disk, to: state) }
    }
    func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState {
        try await ask { host throws(StorageError) in try await host.diskState(disk) }
    }
    func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        try await ask { host throws(StorageError) in try await host.volumes(on: disk, partition: partition) }
    }
    func mountVolume(_ volume: VolumeID, at path: String) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.mountVolume(volume, at: path) }
    }
    func unmountVolume(_ volume: VolumeID, from path: String) async throws(StorageError) -> UnmountOutcome {
        try await ask { host throws(StorageError) in try await host.unmountVolume(volume, from: path) }
    }
    func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await ask { host throws(StorageError) in try await host.isVolumeFormatted(volume) }
    }
    func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.formatVolume(volume, over: signature) }
    }
    func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.resizeVolume(volume, to: size) }
    }
    func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        try await ask { host throws(StorageError) in try await host.volumeStats(volume) }
    }
    func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        try await ask { host throws(StorageError) in try await host.disk(of: volume) }
    }
    func volume(mountedAt path: String) async throws(StorageError) -> VolumeID {
        try await ask { host throws(StorageError) in try await host.volume(mountedAt: path) }
    }
    func volume(closestTo path: String) async throws(StorageError) -> VolumeID {
        try await ask { host throws(StorageError) in try await host.volume(closestTo: path) }
    }
    func flushVolume(_ volume: VolumeID) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.flushVolume(volume) }
    }
    func pathExists(_ path: String) async throws(StorageError) -> Bool {
        try await ask { host throws(StorageError) in try await host.pathExists(path) }
    }
    func makeDirectory(_ path: String) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.makeDirectory(path) }
    }
    func remove(_ path: String, force: Bool) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.remove(path, force: force) }
    }
    func removeContents(of path: String) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.removeContents(of: path) }
    }
    func createSymlink(at link: String, to target: String) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.createSymlink(at: link, to: target) }
    }
    func isSymlink(_ path: String) async throws(StorageError) -> Bool {
        try await ask { host throws(StorageError) in try await host.isSymlink(path) }
    }
    func mapShare(_ remote: SMBRemotePath, linkedAt link: String?, as credentials: SMBCredentials?)
        async throws(StorageError)
    {
        try await ask { host throws(StorageError) in try await host.mapShare(remote, linkedAt: link, as: credentials) }
    }
    func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.unmapShare(remote) }
    }
    func biosSerialNumber() async throws(StorageError) -> String {
        try await ask { host throws(StorageError) in try await host.biosSerialNumber() }
    }
    func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        try await ask { host throws(StorageError) in try await host.service(name) }
    }
    func servicesChanged(with name: ServiceName, dependents: Bool) async throws(StorageError) -> [ServiceName] {
        try await ask { host throws(StorageError) in
            try await host.servicesChanged(with: name, dependents: dependents)
        }
    }
    func startService(_ name: ServiceName) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.startService(name) }
    }
    func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.stopService(name, force: force) }
    }
    func addPortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.addPortal(portal) }
    }
    func portals() async throws(StorageError) -> [ISCSIPortal] {
        try await ask { host throws(StorageError) in try await host.portals() }
    }
    func removePortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.removePortal(portal) }
    }
    func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        try await ask { host throws(StorageError) in try await host.discoverTargets(at: portal) }
    }
    func connectTarget(_ target: ISCSITarget, as authentication: ISCSIAuthentication) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.connectTarget(target, as: authentication) }
    }
    func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.disconnectTarget(target) }
    }
    func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        try await ask { host throws(StorageError) in try await host.disks(of: target) }
    }
    func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) {
        try await ask { host throws(StorageError) in try await host.setMutualCHAPSecret(secret) }
    }
}
