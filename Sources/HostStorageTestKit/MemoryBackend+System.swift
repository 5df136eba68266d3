// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    public func biosSerialNumber() throws(StorageError) -> String {
        try simulate { host throws(StorageError) in
            guard let number = host.machine.biosSerialNumber else {
                throw StorageError(.unsupported, "this machine has no BIOS serial number")
            }
            return number
        }
    }

    public func service(_ name: ServiceName) throws(StorageError) -> HostService {
        try simulate { host throws(StorageError) in
            let service = try host.machine.service(name)
            return HostService(displayName: service.displayName, startType: service.startType, state: service.state)
        }
    }

    public func servicesChanged(
        with name: ServiceName, dependents: Bool
    ) throws(StorageError) -> [ServiceName] {
        try simulate { host throws(StorageError) in
            _ = try host.machine.service(name)
            return (dependents ? host.machine.dependents(of: name) : []) + [name]
        }
    }

    public func startService(_ name: ServiceName) throws(StorageError) {
        try simulate { host throws(StorageError) in try host.machine.start(name) }
    }

    public func stopService(_ name: ServiceName, force: Bool) throws(StorageError) {
        try simulate { host throws(StorageError) in
            guard try host.machine.service(name).state == .running else { return }
            let dependents = host.machine.dependents(of: name)
            guard dependents.isEmpty || force else {
                throw StorageError(
                    .failedPrecondition,
                    "\(dependents.map(\.unit).joined(separator: ", ")) depend on it and run")
            }
            for dependent in dependents { try settings.changeableServices.requireNamed(dependent) }
            for service in dependents + [name] {
                host.machine.services[service]?.state = .stopped
                host.machine.stopped.append(service)
            }
        }
    }
}
