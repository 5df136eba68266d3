// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Logs in to a target and waits for its disks. A host that is logged in already is success, with any credentials.
    /// The session is not restored when the host restarts.
    ///
    /// A portal that was not added or a target that was not discovered there is ``StorageError/Code/notFound``; where
    /// either side's secret is not accepted, ``StorageError/Code/denied``.
    public func connectTarget(
        _ target: ISCSITarget, as authentication: ISCSIAuthentication
    ) async throws(StorageError) {
        try await perform(ConnectTarget(target: target, authentication: authentication))
    }

    /// Logs out of a target, and its disks go. A host that is not logged in is success; a disk in use is
    /// ``StorageError/Code/busy``.
    public func disconnectTarget(_ target: ISCSITarget) async throws(StorageError) {
        try await perform(DisconnectTarget(target: target))
    }

    /// The disks that a target has brought: none where the host is not logged in.
    public func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber] {
        try await perform(DisksOfTarget(target: target))
    }

    /// Sets the secret that targets have to prove to this host at ``ISCSIAuthentication/mutual(_:target:)`` logins, from
    /// now on.
    public func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError) {
        try await perform(SetMutualCHAPSecret(secret: secret))
    }
}

public protocol TargetBackend: Sendable {
    func connectTarget(_ target: ISCSITarget, as authentication: ISCSIAuthentication) async throws(StorageError)
    func disconnectTarget(_ target: ISCSITarget) async throws(StorageError)
    func disks(of target: ISCSITarget) async throws(StorageError) -> [DiskNumber]
    func setMutualCHAPSecret(_ secret: Secret) async throws(StorageError)
}

// MARK: - Operations

public struct ConnectTarget: HostOperation, ResolvedOperation {
    public var target: ISCSITarget
    public var authentication: ISCSIAuthentication

    public init(target: ISCSITarget, authentication: ISCSIAuthentication) {
        self.target = target
        self.authentication = authentication
    }

    public static var name: OperationName { .connectTarget }
    public var subjects: [Subject] { [.target(target)] }
    // A call never shares the outcome of a call with another secret.
    public var effect: Effect { .unsharedChange(holding: .target(target)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.connectTarget(target, as: authentication)
    }
}

public struct DisconnectTarget: HostOperation, ResolvedOperation {
    public var target: ISCSITarget

    public init(target: ISCSITarget) { self.target = target }

    public static var name: OperationName { .disconnectTarget }
    public var subjects: [Subject] { [.target(target)] }
    public var effect: Effect { .change(holding: .target(target)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.disconnectTarget(target)
    }

    public var consequence: Consequence { .takesAwayDisks(of: target) }
}

public struct DisksOfTarget: HostOperation, ResolvedOperation {
    public var target: ISCSITarget

    public init(target: ISCSITarget) { self.target = target }

    public static var name: OperationName { .disksOfTarget }
    public var subjects: [Subject] { [.target(target)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> [DiskNumber] {
        try await backend.disks(of: target)
    }

    public static func subjects(of disks: [DiskNumber]) -> [Subject] { disks.map(Subject.disk) }
    public static func limit(_ disks: [DiskNumber], to permitted: Set<Subject>) -> [DiskNumber]? {
        disks.filter { permitted.contains(.disk($0)) }
    }
}

public struct SetMutualCHAPSecret: HostOperation, ResolvedOperation {
    public var secret: Secret

    public init(secret: Secret) { self.secret = secret }

    public static var name: OperationName { .setMutualCHAPSecret }
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> SetMutualCHAPSecret {
        try CHAP.check(secret)
        return self
    }
    public var subjects: [Subject] { [] }
    public var effect: Effect { .unsharedChange(holding: .initiator) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.setMutualCHAPSecret(secret)
    }
}

extension OperationName {
    public static let connectTarget: OperationName = "connect target"
    public static let disconnectTarget: OperationName = "disconnect target"
    public static let disksOfTarget: OperationName = "disks of target"
    public static let setMutualCHAPSecret: OperationName = "set mutual CHAP secret"
}
