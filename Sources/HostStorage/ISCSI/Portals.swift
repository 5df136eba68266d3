// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Makes a portal known to the host, without asking it anything. Idempotent.
    public func addPortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await perform(AddPortal(portal: portal))
    }

    /// The portals that were added.
    public func portals() async throws(StorageError) -> [ISCSIPortal] { try await perform(ListPortals()) }

    /// Forgets a portal and the targets that were discovered there; sessions stay. A portal that was not added is
    /// ``StorageError/Code/notFound``.
    public func removePortal(_ portal: ISCSIPortal) async throws(StorageError) {
        try await perform(RemovePortal(portal: portal))
    }

    /// Asks a portal for its targets and makes them known. A portal that was not added is
    /// ``StorageError/Code/notFound``, one that does not answer ``StorageError/Code/unavailable``.
    public func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        try await perform(DiscoverTargets(portal: portal))
    }
}

public protocol PortalBackend: Sendable {
    func addPortal(_ portal: ISCSIPortal) async throws(StorageError)
    func portals() async throws(StorageError) -> [ISCSIPortal]
    func removePortal(_ portal: ISCSIPortal) async throws(StorageError)
    func discoverTargets(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName]
}

// MARK: - Operations

public struct AddPortal: HostOperation, ResolvedOperation {
    public var portal: ISCSIPortal

    public init(portal: ISCSIPortal) { self.portal = portal }

    public static var name: OperationName { .addPortal }
    public var subjects: [Subject] { [.portal(portal)] }
    public var effect: Effect { .change(holding: .portal(portal)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) { try await backend.addPortal(portal) }
}

public struct ListPortals: HostOperation, ResolvedOperation {
    public init() {}

    public static var name: OperationName { .portals }
    public var subjects: [Subject] { [] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> [ISCSIPortal] {
        try await backend.portals()
    }
}

public struct RemovePortal: HostOperation, ResolvedOperation {
    public var portal: ISCSIPortal

    public init(portal: ISCSIPortal) { self.portal = portal }

    public static var name: OperationName { .removePortal }
    public var subjects: [Subject] { [.portal(portal)] }
    public var effect: Effect { .change(holding: .portal(portal)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.removePortal(portal)
    }
}

public struct DiscoverTargets: HostOperation, ResolvedOperation {
    public var portal: ISCSIPortal

    public init(portal: ISCSIPortal) { self.portal = portal }

    public static var name: OperationName { .discoverTargets }
    public var description: String { "at \(portal)" }
    public var subjects: [Subject] { [.portal(portal)] }
    // Its caller may just have made the target that it looks for.
    public var effect: Effect { .unsharedChange(holding: .portal(portal)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> [ISCSIName] {
        try await backend.discoverTargets(at: portal)
    }
}

extension OperationName {
    public static let addPortal: OperationName = "add portal"
    public static let portals: OperationName = "list portals"
    public static let removePortal: OperationName = "remove portal"
    public static let discoverTargets: OperationName = "discover targets"
}
