// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// The serial number that the maker of the machine, or of the virtual machine, gave it; blanks within are kept.
    /// ``StorageError/Code/unsupported`` where its firmware gives none.
    ///
    /// Source: SMBIOS reference specification (DMTF DSP0134), system information, serial number.
    public func biosSerialNumber() async throws(StorageError) -> String { try await perform(BIOSSerialNumber()) }

    public func service(_ name: ServiceName) async throws(StorageError) -> HostService {
        try await perform(LookUpService(service: name))
    }

    /// The services that a start or a stop of `name` changes: the service by its own name, not by an alias, and with
    /// `dependents` the services that ``stopService(_:force:)`` stops along by force. Of a service that may not be
    /// changed it is ``StorageError/Code/denied``, as the call would be.
    public func servicesChanged(with name: ServiceName, dependents: Bool) async throws(StorageError) -> [ServiceName] {
        try await perform(ServicesChanged(service: name, dependents: dependents))
    }

    /// Starts the service and waits until it runs. One that runs already is success.
    ///
    /// ``StorageError/Code/denied`` where ``HostSettings/changeableServices`` does not name it,
    /// ``StorageError/Code/failedPrecondition`` where it cannot be started as the host is set up, and
    /// ``StorageError/Code/internalError`` where it fails.
    public func startService(_ name: ServiceName) async throws(StorageError) {
        try await perform(StartService(service: name))
    }

    /// Stops the service and waits until it has stopped. One that does not run is success.
    ///
    /// - Parameter force: first stops the running services that depend on it, the outermost first. Without, there being
    ///   any is ``StorageError/Code/failedPrecondition``. Each has to be changeable as well, or nothing is stopped.
    public func stopService(_ name: ServiceName, force: Bool) async throws(StorageError) {
        try await perform(StopService(service: name, force: force))
    }
}

public protocol ServiceBackend: Sendable {
    func biosSerialNumber() async throws(StorageError) -> String
    func service(_ name: ServiceName) async throws(StorageError) -> HostService
    func servicesChanged(with name: ServiceName, dependents: Bool) async throws(StorageError) -> [ServiceName]
    func startService(_ name: ServiceName) async throws(StorageError)
    func stopService(_ name: ServiceName, force: Bool) async throws(StorageError)
}

// MARK: - Operations

public struct BIOSSerialNumber: HostOperation, ResolvedOperation {
    public init() {}

    public static var name: OperationName { .biosSerialNumber }
    public var subjects: [Subject] { [] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> String {
        try await backend.biosSerialNumber()
    }
}

public struct LookUpService: HostOperation, ResolvedOperation {
    public var service: ServiceName

    public init(service: ServiceName) { self.service = service }

    public static var name: OperationName { .service }
    public var subjects: [Subject] { [.service(service)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> HostService {
        try await backend.service(service)
    }
}

public struct ServicesChanged: HostOperation, ResolvedOperation {
    public var service: ServiceName
    public var dependents: Bool

    public init(service: ServiceName, dependents: Bool) {
        self.service = service
        self.dependents = dependents
    }

    public static var name: OperationName { .servicesChanged }
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> ServicesChanged {
        try resolver.requireChangeable(service)
        return self
    }
    public var subjects: [Subject] { [.service(service)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> [ServiceName] {
        try await backend.servicesChanged(with: service, dependents: dependents)
    }
}

public struct StartService: HostOperation, ResolvedOperation {
    public var service: ServiceName

    public init(service: ServiceName) { self.service = service }

    public static var name: OperationName { .startService }
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> StartService {
        try resolver.requireChangeable(service)
        return self
    }
    public var subjects: [Subject] { [.service(service)] }
    public var effect: Effect { .change(holding: .service(service)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.startService(service)
    }

    // The service of an alias.
    public var consequence: Consequence { .changesServices(with: service, dependents: false) }
}

public struct StopService: HostOperation, ResolvedOperation {
    public var service: ServiceName
    public var force: Bool

    public init(service: ServiceName, force: Bool) {
        self.service = service
        self.force = force
    }

    public static var name: OperationName { .stopService }
    public var phrase: String { force ? "stop service with force" : "stop service" }
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> StopService {
        try resolver.requireChangeable(service)
        return self
    }
    public var subjects: [Subject] { [.service(service)] }
    public var effect: Effect { .change(holding: .service(service)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.stopService(service, force: force)
    }

    // The service of an alias, and the services that are stopped along.
    public var consequence: Consequence { .changesServices(with: service, dependents: force) }
}

extension OperationName {
    public static let biosSerialNumber: OperationName = "BIOS serial number"
    public static let service: OperationName = "look up service"
    public static let servicesChanged: OperationName = "look up what changes with service"
    public static let startService: OperationName = "start service"
    public static let stopService: OperationName = "stop service"
}
