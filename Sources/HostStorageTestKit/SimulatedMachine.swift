// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The simulated host's machine, and its services.
struct SimulatedMachine: Sendable {
    var biosSerialNumber: String?
    var services: [ServiceName: SimulatedService] = [:]
    /// The services that were stopped, in that order.
    var stopped: [ServiceName] = []

    /// Starts a service and its requirements.
    mutating func start(_ name: ServiceName) throws(StorageError) {
        let service = try service(name)
        guard service.state != .running else { return }
        guard service.startType != .disabled else {
            throw StorageError(.failedPrecondition, "\(name) is disabled")
        }
        for required in service.requires {
            do throws(StorageError) { try start(required) } catch {
                throw StorageError(.failedPrecondition, "\(name) requires \(required): \(error.detail)")
            }
        }
        guard !service.failsToStart else { throw StorageError(.internalError, "\(name) failed to start") }
        services[name]?.state = .running
    }

    /// The running services that depend on the service, the outermost first.
    func dependents(of name: ServiceName) -> [ServiceName] {
        let direct = services.filter { $0.value.requires.contains(name) }.keys.sorted { $0.unit < $1.unit }
        var found: [ServiceName] = []
        for dependent in direct {
            let beyond = dependents(of: dependent) + [dependent]
            found += beyond.filter { services[$0]?.state == .running && !found.contains($0) }
        }
        return found
    }

    func service(_ name: ServiceName) throws(StorageError) -> SimulatedService {
        guard let service = services[name] else { throw StorageError(.notFound, "there is no service \(name)") }
        return service
    }
}

struct SimulatedService: Sendable {
    var displayName: String
    var startType: ServiceStartType
    var state = ServiceState.stopped
    var requires: Set<ServiceName>
    var failsToStart: Bool
}
