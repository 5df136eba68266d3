// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A rig whose host has services. Its host's settings let callers change services whose names begin with
/// "conformance-".
protocol SystemRig: ConformanceRig {
    /// The machine's serial number; nil where it has none.
    func biosSerialNumber() async throws -> String?
    /// Installs a service, stopped.
    func addService(_ service: TestService) async throws
    /// The services that were stopped, in that order.
    func stoppedServices() async throws -> [ServiceName]
}

struct TestService: Sendable {
    var name: ServiceName
    var displayName = "A service of the tests"
    var startType = ServiceStartType.manual
    var requires: [ServiceName] = []
    /// Whether it waits for its requirements. If not, the host decides the order in which they stop.
    var isOrdered = false
    var failsToStart = false

    init(_ name: String) throws { self.name = try ServiceName("conformance-\(name)") }

    /// One whose name the host's settings do not name.
    init(unchangeable name: String) throws { self.name = try ServiceName("other-\(name)") }
}
