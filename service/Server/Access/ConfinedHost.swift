// SPDX-License-Identifier: Apache-2.0

import HostStorage
import StorageAccess

/// The host as one call may use it: whatever is asked of it is first compared with the call's ``Permit``.
///
/// Disk numbers are never given out twice, so what was found out about a disk holds when the host then
/// works on it. Paths are compared by the host itself, where it opens them: it is given what a rule confines
/// them to.
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

    /// Throws unless one of the permit's rules allows all of it. Nothing of it is a path.
    private func require(_ named: Named...) async throws(StorageError) { try await require(named) }

    private func require(_ named: [Named]) async throws(StorageError) {
        let text = Self.text(named)
        guard try await rules(permitting: named, text).isEmpty else { return }
        throw refusal(of: text)
    }

    /// Makes a call that names all this, by a rule that allows all of it. The refusal says no more than what the caller
    /// has named, whatever is there.
    private func perform<Answer>(
        _ named: Named..., as call: (any StorageHost) async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let text = Self.text(named)
        let rules = try await rules(permitting: named, text)
        if rules.contains(where: { $0.confinement == nil }) { return try await call(host) }
        for confinement in rules.compactMap(\.confinement) {
            let confined = try host.confined(to: confinement)
            do throws(StorageError) {
                return try await call(confined)
            } catch {
                if !error.isOfConfinement { throw error.told(within: confinement, by: paths) }
            }
        }
        throw refusal(of: text)
    }

    private static func text(_ named: [Named]) -> String { named.map(\.description).joined(separator: " ") }

    private func refusal(of text: String) -> StorageError {
        permit.refusal(
            of: text,
            permit.rules.isEmpty ? "no rule for the caller has the method" : Decision.outside(permit.rules))
    }

    /// The rules that allow all of it but the paths, which only the host can compare.
    private func rules(permitting named: [Named], _ text: String) async throws(StorageError) -> [AccessRule] {
        // Who may not call the method at all learns nothing about what it named.
        guard !permit.rules.isEmpty else { return [] }
        var subjects: [Subject] = []
        for one in named {
            do throws(StorageError) {
                if let subject = try await subject(one) { subjects.append(subject) }
            } catch {
                throw error.during("\(permit.method)", text)
            }
        }
        return permit.rules.filter { rule in subjects.allSatisfy(rule.permits) }
    }

    /// What rules can be compared with; nil where none of them asks, and for paths.
    private func subject(_ named: Named) async throws(StorageError) -> Subject? {
        switch named {
        case .path(let text, let driveless):
            _ = try paths.resolve(text, driveless: driveless)
            return nil
        case .disk(let disk):
            guard permit.hasDevices else { return nil }
            return try await subject { () throws(StorageError) in try await host.diskIdentifiers()[disk] }
        case .volume(let volume):
            guard permit.hasDevices else { return nil }
            return try await subject { () throws(StorageError) in
                let disk = try await host.disk(of: volume)
                return try await host.diskIdentifiers()[disk]
            }
        case .service(let service): return .service(service)
        }
    }

    /// A disk that is not there, or does not say who it is, has names that match nothing, so that a refusal does not
    /// tell which of the others' are there.
    private func subject(
        _ identifiers: () async throws(StorageError) -> DiskIdentifiers?
    ) async throws(StorageError) -> Subject {
        let nameless = DiskIdentifiers(page83: "", serialNumber: "")
        do throws(StorageError) {
            return .disk(try await identifiers() ?? nameless)
        } catch {
            if error.code == .notFound { return .disk(nameless) }
            // Its text can name disks of others.
            throw StorageError(error.code, "it cannot be told on which disk it is; try again")
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
        let outcome = await SystemDiskUse.$current.withValue(
            SystemDiskUse { disk in rules.contains { $0.names(disk) } }
        ) {
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
        try await perform(.volume(volume), .path(path, .onDriveC)) { host throws(StorageError) in
            try await naming { () async throws(StorageError) in try await host.mountVolume(volume, at: path) }
        }
    }

    func unmountVolume(_ volume: VolumeID, from path: String) async throws(StorageError) -> UnmountOutcome {
        try await perform(.volume(volume), .path(path, .onDriveC)) { host throws(StorageError) in
            try await host.unmountVolume(volume, from: path)
        }
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

    func volume(mountedAt path: String) async throws(StorageError) -> VolumeID {
        try await volume(at: path) { host throws(StorageError) in
            try await naming { () async throws(StorageError) in try await host.volume(mountedAt: path) }
        }
    }

    func volume(closestTo path: String) async throws(StorageError) -> VolumeID {
        try await volume(at: path) { host throws(StorageError) in
            try await naming { () async throws(StorageError) in try await host.volume(closestTo: path) }
        }
    }

    /// The answer is compared too: what holds a caller's directories can be a disk that is not the caller's.
    private func volume(
        at path: String, as call: (any StorageHost) async throws(StorageError) -> VolumeID
    ) async throws(StorageError) -> VolumeID {
        let named = Named.path(path, .onDriveC)
        let volume = try await perform(named, as: call)
        let rules: [AccessRule]
        do throws(StorageError) {
            rules = try await self.rules(permitting: [.volume(volume)], named.description)
        } catch {
            throw error.during("\(permit.method)", named.description)
        }
        // By one rule as a whole: the roots of one and the devices of another do not add up.
        for rule in rules {
            guard let confinement = rule.confinement else { return volume }
            let confined = try host.confined(to: confinement)
            if let again = try? await call(confined), again == volume { return volume }
        }
        throw refusal(of: named.description)
    }

    // MARK: - Directories and links

    func pathExists(_ path: String) async throws(StorageError) -> Bool {
        try await perform(.path(path)) { host throws(StorageError) in try await host.pathExists(path) }
    }

    func makeDirectory(_ path: String) async throws(StorageError) {
        try await perform(.path(path)) { host throws(StorageError) in try await host.makeDirectory(path) }
    }

    func remove(_ path: String, force: Bool) async throws(StorageError) {
        try await perform(.path(path)) { host throws(StorageError) in try await host.remove(path, force: force) }
    }

    func removeContents(of path: String) async throws(StorageError) {
        try await perform(.path(path)) { host throws(StorageError) in try await host.removeContents(of: path) }
    }

    func createSymlink(at link: String, to target: String) async throws(StorageError) {
        try await perform(.path(link), .path(target)) { host throws(StorageError) in
            try await host.createSymlink(at: link, to: target)
        }
    }

    func isSymlink(_ path: String) async throws(StorageError) -> Bool {
        try await perform(.path(path, .onDriveC)) { host throws(StorageError) in try await host.isSymlink(path) }
    }

    // MARK: - Shares

    func mapShare(
        _ remote: SMBRemotePath, linkedAt link: String?, as credentials: SMBCredentials?
    ) async throws(StorageError) {
        guard let link else {
            try await require()
            return try await host.mapShare(remote, linkedAt: nil, as: credentials)
        }
        try await perform(.path(link)) { host throws(StorageError) in
            try await host.mapShare(remote, linkedAt: link, as: credentials)
        }
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

extension StorageError {
    /// Without the places of others that hold a mount or a disk.
    fileprivate func told(within confinement: CallConfinement, by paths: PathPolicy) -> StorageError {
        var error = self
        error.holders = holders.map { holder in
            guard case .mount(let target, let process) = holder else { return holder }
            let place = (try? paths.resolve(target)) ?? (try? paths.place(hostPath: target))
            guard let place, paths.isConfinable(place.confined(to: confinement)) else {
                return .mount(target: "a place outside of the caller's directories", seenByProcess: process)
            }
            return holder
        }
        return error
    }
}
