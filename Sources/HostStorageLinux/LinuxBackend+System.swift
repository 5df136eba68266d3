// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension LinuxBackend {
    public func biosSerialNumber() async throws(StorageError) -> String {
        try await queues.run(in: .firmware) { () throws(StorageError) in try SerialNumber.read() }
    }

    public func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        try await onBus(in: .services, receivesJobs: false) { bus throws(StorageError) in
            try ServiceUnit(name.unit, on: bus).service(on: bus)
        }
    }

    public func servicesChanged(
        with name: ServiceName, dependents: Bool
    ) async throws(StorageError) -> [ServiceName] {
        try await onBus(in: .services, receivesJobs: false) { bus throws(StorageError) in
            let unit = try ServiceUnit(name.unit, on: bus)
            var names: [ServiceName] = []
            for unit in (dependents ? try unit.runningDependents(on: bus) : []) + [unit] {
                names.append(try unit.name())
            }
            return names
        }
    }

    public func startService(_ name: ServiceName) async throws(StorageError) {
        try await onBus(in: .service(name), receivesJobs: true) { [settings, jobTimeout] bus throws(StorageError) in
            let unit = try ServiceUnit(name.unit, on: bus)
            try settings.requireChangeable(unit)
            guard try unit.state(on: bus) != .running else { return }
            try unit.start(on: bus, within: jobTimeout)
        }
    }

    public func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        try await onBus(in: .service(name), receivesJobs: true) { [settings, jobTimeout] bus throws(StorageError) in
            let unit = try ServiceUnit(name.unit, on: bus)
            try settings.requireChangeable(unit)
            guard try unit.state(on: bus) != .stopped else { return }
            let dependents = try unit.runningDependents(on: bus)
            guard dependents.isEmpty || force else {
                let names = dependents.map(\.id).joined(separator: ", ")
                throw StorageError(.failedPrecondition, "\(names) depend on it and run", subject: unit.id)
            }
            // All of them, before the first is stopped.
            for dependent in dependents { try settings.requireChangeable(dependent) }
            for dependent in dependents { try dependent.stop(on: bus, within: jobTimeout) }
            try unit.stop(on: bus, within: jobTimeout)
        }
    }

    private func onBus<Value: Sendable>(
        in queue: BlockingQueues.Queue, receivesJobs: Bool,
        _ work: @escaping @Sendable (borrowing SystemBus) throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await queues.run(in: queue) { [systemBus] () throws(StorageError) in
            try work(SystemBus.connection(to: systemBus, receivesJobs: receivesJobs))
        }
    }
}

extension HostSettings {
    /// By the unit's own name: a policy that names an alias does not permit its target.
    fileprivate func requireChangeable(_ unit: ServiceUnit) throws(StorageError) {
        try changeableServices.requireNamed(unit.name())
    }
}
