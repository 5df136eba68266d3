// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess

/// The host as one call may use it: whatever is asked of it is first compared with the call's ``Permit``.
///
/// Disk numbers are never given out twice, so what was found out about a disk holds when the host then
/// works on it. Paths are compared as the host will resolve them, beneath its roots and through no link.
struct ConfinedHost: StorageHost {
    let host: any StorageHost
    let permit: Permit
    let paths: PathPolicy

    /// What a call names.
    private enum Named: CustomStringConvertible {
        /// Spelled as the operation takes paths.
        case path(String, PathPolicy.DrivelessPaths = .refused)
        case disk(DiskNumber)
        case volume(VolumeID)
        case service(ServiceName)

        var description: String {
            switch self {
            // It may be of any length, and the error has to fit into a header.
            case .path(let path, _): path.excerpt
            case .disk(let disk): "disk \(disk)"
            case .volume(let volume): "\(volume)"
            case .service(let service): "\(service)"
            }
        }
    }

    /// Throws unless one of the permit's rules allows all of it.
    private func require(_ named: Named...) async throws(StorageError) { try await require(named) }

    private func require(_ named: [Named]) async throws(StorageError) {
        let text = named.map(\.description).joined(separator: " ")
        var subjects: [Subject] = []
        // Who may not call the method at all learns nothing about what it named.
        if !permit.rules.isEmpty {
            for one in named {
                do throws(StorageError) {
                    if let subject = try await subject(one) { subjects.append(subject) }
                } catch {
                    throw error.during("\(permit.method)", text)
                }
            }
        }
        if case .refused(let reason) = Decision(permit.rules, subjects) { throw permit.refusal(of: text, reason) }
    }

    /// What rules can be compared with; nil where none of them asks.
    private func subject(_ named: Named) async throws(StorageError) -> Subject? {
        switch named {
        case .path(let text, let driveless): return .path(try paths.resolve(text, driveless: driveless).description)
        case .disk(let disk):
            guard permit.hasDevices else { return nil }
            // A disk that does not say who it is has names that match nothing.
            return .disk(try await host.diskIdentifiers()[disk] ?? DiskIdentifiers(page83: "", serialNumber: ""))
        case .volume(let volume):
            guard permit.hasDevices else { return nil }
            return try await subject(.disk(try await host.disk(of: volume)))
        case .service(let service): return .service(service)
        }
    }

    /// The disks that the call may know of.
    private func permitted<Value>(_ all: [DiskNumber: Value]) async throws(StorageError) -> [DiskNumber: Value] {
        guard permit.hasDevices else { return all }
        let identifiers = try await host.diskIdentifiers()
        return all.filter { disk, _ in
            guard let identifiers = identifiers[disk] else { return false }
            return permit.rules.contains { $0.permits(.disk(identifiers)) }
        }
    }

    /// Asks the host for something that it does with a disk of the running system only where that is named: by a rule of
    /// the permit.
    private func naming<Answer: Sendable>(
        _ body: @Sendable () async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let rules = permit.rules.filter(\.namesDisks)
        if rules.isEmpty { return try await body() }
        let outcome = await SystemDiskUse.$names.withValue({ disk in rules.contains { $0.names(disk) } }) {
            () async -> Result<Answer, StorageError> in
            do throws(StorageError) { return .success(try await body()) } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    // MARK: - Disks

    func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation] {
        try await require()
        return try await permitted(try await host.diskLocations())
    }

    func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        try await require()
        return try await permitted(try await host.diskIdentifiers())
    }

    func rescanDisks() async throws(StorageError) {
        try await require()
        try await host.rescanDisks()
    }

    func partitionDisk(_ disk: DiskNumber) async throws(StorageError) {
        try await require(.disk(disk))
        try await host.partitionDisk(disk)
    }

    func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64 {
        try await require(.disk(disk))
        return try await host.diskSize(disk)
    }

    func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError) {
        try await require(.disk(disk))
        try await host.setDiskState(disk, to: state)
    }

    func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState {
        try await require(.disk(disk))
        return try await host.diskState(disk)
    }

    // MARK: - Volumes

    func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        try await require(.disk(disk))
        return try await host.volumes(on: disk, partition: partition)
    }

    func mountVolume(_ volume: VolumeID, at path: String) async throws(StorageError) {
        try await require(.volume(volume), .path(path, .onDriveC))
        try await naming { () async throws(StorageError) in try await host.mountVolume(volume, at: path) }
    }

    func unmountVolume(_ volume: VolumeID, from path: String) async throws(StorageError) -> UnmountOutcome {
        try await require(.volume(volume), .path(path, .onDriveC))
        return try await host.unmountVolume(volume, from: path)
    }

    func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await require(.volume(volume))
        return try await host.isVolumeFormatted(volume)
    }

    func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError) {
        try await require(.volume(volume))
        try await host.formatVolume(volume, over: signature)
    }

    func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        try await require(.volume(volume))
        try await host.resizeVolume(volume, to: size)
    }

    func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        try await require(.volume(volume))
        return try await host.volumeStats(volume)
    }

    func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        try await require(.volume(volume))
        return try await host.disk(of: volume)
    }

    func flushVolume(_ volume: VolumeID) async throws(StorageError) {
        try await require(.volume(volume))
        try await host.flushVolume(volume)
    }

    /// The answer is compared too: a link can lead from a caller's root to the volume of another.
    func volume(mountedAt path: String) async throws(StorageError) -> VolumeID {
        try await require(.path(path, .onDriveC))
        let volume = try await naming { () async throws(StorageError) in try await host.volume(mountedAt: path) }
        try await require(.path(path, .onDriveC), .volume(volume))
        return volume
    }

    func volume(closestTo path: String) async throws(StorageError) -> VolumeID {
        try await require(.path(path, .onDriveC))
        let volume = try await naming { () async throws(StorageError) in try await host.volume(closestTo: path) }
        try await require(.path(path, .onDriveC), .volume(volume))
        return volume
    }

    // MARK: - Directories and links

    func pathExists(_ path: String) async throws(StorageError) -> Bool {
        try await require(.path(path))
        return try await host.pathExists(path)
    }

    func makeDirectory(_ path: String) async throws(StorageError) {
        try await require(.path(path))
        try await host.makeDirectory(path)
    }

    func remove(_ path: String, force: Bool) async throws(StorageError) {
        try await require(.path(path))
        try await host.remove(path, force: force)
    }

    func removeContents(of path: String) async throws(StorageError) {
        try await require(.path(path))
        try await host.removeContents(of: path)
    }

    func createSymlink(at link: String, to target: String) async throws(StorageError) {
        try await require(.path(link), .path(target))
        try await host.createSymlink(at: link, to: target)
    }

    func isSymlink(_ path: String) async throws(StorageError) -> Bool {
        try await require(.path(path, .onDriveC))
        return try await host.isSymlink(path)
    }

    // MARK: - Shares

    func mapShare(
        _ remote: SMBRemotePath, linkedAt link: String?, as credentials: SMBCredentials?
    ) async throws(StorageError) {
        if let link { try await require(.path(link)) } else { try await require() }
        try await host.mapShare(remote, linkedAt: link, as: credentials)
    }

    func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        try await require()
        try await host.unmapShare(remote)
    }

    // MARK: - Services

    func biosSerialNumber() async throws(StorageError) -> String {
        try await require()
        return try await host.biosSerialNumber()
    }

    /// Whoever may call the method may ask about every service: to look changes nothing.
    func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        try await require()
        return try await host.service(name)
    }

    func servicesChanged(with name: ServiceName, dependents: Bool) async throws(StorageError) -> [ServiceName] {
        try await require()
        return try await host.servicesChanged(with: name, dependents: dependents)
    }

    func startService(_ name: ServiceName) async throws(StorageError) {
        try await requireChanged(name, dependents: false)
        try await host.startService(name)
    }

    func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        try await requireChanged(name, dependents: force)
        try await host.stopService(name, force: force)
    }

    /// What an alias stands for, and what is stopped along, are to be the caller's too.
    private func requireChanged(_ name: ServiceName, dependents: Bool) async throws(StorageError) {
        try await require(.service(name))
        let changed = try await host.servicesChanged(with: name, dependents: dependents)
        try await require([.service(name)] + changed.filter { $0 != name }.map(Named.service))
    }

    // MARK: - iSCSI

    func addPortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await require()
        try await host.addPortal(portal)
    }

    func portals() async throws(StorageError) -> [ISCSIPortal] {
        try await require()
        return try await host.portals()
    }

    func removePortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await require()
        try await host.removePortal(portal)
    }

    func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        try await require()
        return try await host.discoverTargets(at: portal)
    }

    func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) async throws(StorageError) {
        try await require()
        try await host.connectTarget(target, as: authentication)
    }

    /// Takes the target's disks away, so they have to be the caller's.
    func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) {
        try await require()
        if permit.hasDevices {
            for disk in try await host.disks(of: target) { try await require(.disk(disk)) }
        }
        try await host.disconnectTarget(target)
    }

    func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        try await require()
        let disks = try await host.disks(of: target)
        let shown = try await permitted(Dictionary(uniqueKeysWithValues: disks.map { ($0, ()) }))
        return disks.filter { shown[$0] != nil }
    }

    func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) {
        try await require()
        try await host.setMutualCHAPSecret(secret)
    }
}
