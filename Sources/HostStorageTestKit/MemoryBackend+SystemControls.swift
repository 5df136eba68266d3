// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Synchronization

// The setup of the machine.
extension MemoryBackend {
    /// Sets the serial number of the machine; without, it has none.
    public func setBIOSSerialNumber(_ number: String?) {
        host.withLock { $0.machine.biosSerialNumber = number }
    }

    /// Installs a service, stopped.
    ///
    /// - Parameters:
    ///   - requires: the services that are started with it, and without which it does not run.
    ///   - failsToStart: whether it ends as soon as it is started.
    public func addService(
        _ name: ServiceName, displayName: String = "", startType: ServiceStartType = .manual,
        requires: Set<ServiceName> = [], failsToStart: Bool = false
    ) {
        host.withLock {
            $0.machine.services[name] = SimulatedService(
                displayName: displayName, startType: startType, requires: requires, failsToStart: failsToStart)
        }
    }

    /// The services that were stopped, in that order.
    public var stoppedServices: [ServiceName] { host.withLock { $0.machine.stopped } }
}
