// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A service unit of systemd.
struct ServiceUnit {
    /// Its own name, also where it was looked up by an alias.
    let id: String
    private let path: String

    private static let interface = "org.freedesktop.systemd1.Unit"

    /// Looks a unit up; one that is not installed is ``StorageError/Code/notFound``.
    init(_ name: String, on bus: borrowing SystemBus) throws(StorageError) {
        guard let path = try bus.callManager("LoadUnit", name) else {
            throw StorageError(.internalError, "systemd named no unit", subject: name)
        }
        guard try bus.text("LoadState", of: path, Self.interface) != "not-found" else {
            throw StorageError(.notFound, "there is no such service", subject: name)
        }
        self.path = path
        id = try bus.text("Id", of: path, Self.interface)
    }

    /// Its own name. A unit that is no service, such as a target, has none that a policy could hold.
    func name() throws(StorageError) -> ServiceName {
        guard let name = try? ServiceName(id) else {
            throw StorageError(.denied, "\(id) is no service, and is not stopped")
        }
        return name
    }

    func service(on bus: borrowing SystemBus) throws(StorageError) -> HostService {
        HostService(
            displayName: try bus.text("Description", of: path, Self.interface),
            startType: try startType(on: bus), state: try state(on: bus))
    }

    /// Source: systemctl(1), is-enabled.
    private func startType(on bus: borrowing SystemBus) throws(StorageError) -> ServiceStartType {
        switch try bus.text("UnitFileState", of: path, Self.interface) {
        case "masked", "masked-runtime": .disabled
        // A generator makes units that are to start.
        case "enabled", "enabled-runtime", "generated": .automatic
        default: .manual
        }
    }

    /// Source: org.freedesktop.systemd1(5), ActiveState.
    func state(on bus: borrowing SystemBus) throws(StorageError) -> ServiceState {
        switch try bus.text("ActiveState", of: path, Self.interface) {
        case "active", "reloading", "refreshing": .running
        case "activating": .starting
        case "deactivating": .stopping
        case "inactive", "failed": .stopped
        default: .unknown
        }
    }

    /// Starts it and waits until systemd has.
    func start(on bus: borrowing SystemBus, within limit: Duration) throws(StorageError) {
        // Kept until the connection ends. Else systemd unloads a service that has ended, with its result.
        try bus.callObject(path, Self.interface, "Ref")
        try requireDone(try bus.job("StartUnit", id, within: limit))
        switch try state(on: bus) {
        case .running: return
        case .stopped where try bus.text("ActiveState", of: path, Self.interface) == "inactive":
            guard try bus.flag("ConditionResult", of: path, Self.interface) else {
                throw StorageError(.failedPrecondition, "its conditions are not met", subject: id)
            }
        // It has done its work and ended.
        default:
            let result = try bus.text("Result", of: path, "org.freedesktop.systemd1.Service")
            throw StorageError(.internalError, "it ended as soon as it was started: \(result)", subject: id)
        }
    }

    /// Stops it and waits until systemd has.
    func stop(on bus: borrowing SystemBus, within limit: Duration) throws(StorageError) {
        try requireDone(try bus.job("StopUnit", id, within: limit))
    }

    /// Source: org.freedesktop.systemd1(5), JobRemoved.
    private func requireDone(_ result: String) throws(StorageError) {
        switch result {
        case "done": return
        case "failed", "timeout": throw StorageError(.internalError, "it failed: \(result)", subject: id)
        case "dependency": throw StorageError(.failedPrecondition, "something that it requires failed", subject: id)
        case "canceled":
            throw StorageError(.aborted, "another process has asked systemd for the contrary meanwhile", subject: id)
        default: throw StorageError(.failedPrecondition, "systemd did not do it: \(result)", subject: id)
        }
    }

    // MARK: - What depends on it

    /// The units that systemd would stop along with it and that do not stand still, the outermost first.
    func runningDependents(on bus: borrowing SystemBus) throws(StorageError) -> [ServiceUnit] {
        var found: [ServiceUnit] = []
        var seen: Set<String> = [id]
        try collectDependents(on: bus, into: &found, seen: &seen)
        return found
    }

    /// Also beyond one that does not run: units that require it can run on without it, and systemd would stop them.
    private func collectDependents(
        on bus: borrowing SystemBus, into found: inout [ServiceUnit], seen: inout Set<String>
    ) throws(StorageError) {
        for name in try dependents(on: bus) where seen.insert(name).inserted {
            let unit = try ServiceUnit(name, on: bus)
            try unit.collectDependents(on: bus, into: &found, seen: &seen)
            if try unit.state(on: bus) != .stopped { found.append(unit) }
        }
    }

    /// Source: systemd.unit(5), the table of properties and their inverses; all that stop with it.
    private func dependents(on bus: borrowing SystemBus) throws(StorageError) -> [String] {
        var names: Set<String> = []
        for relation in ["RequiredBy", "RequisiteOf", "BoundBy", "ConsistsOf", "PropagatesStopTo"] {
            names.formUnion(try bus.texts(relation, of: path, Self.interface))
        }
        return names.sorted()
    }
}
