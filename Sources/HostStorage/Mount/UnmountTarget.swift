// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Removes the topmost mount at `path`, of any filesystem, also one that is dead. The directory or file below stays.
    ///
    /// Data are written out first. Where nothing is mounted, or nothing is there, it is a success: repeated calls change
    /// nothing.
    ///
    /// - Parameter patience: how long to wait for holders: 0 to 600 seconds. The call holds the path meanwhile.
    /// - Throws: ``StorageError/Code/invalidArgument`` for another patience; ``StorageError/Code/denied`` for a root;
    ///   ``StorageError/Code/busy`` with the holders, where it is still in use at the end of the patience;
    ///   ``StorageError/Code/unavailable`` where its server or program does not answer and is not to be given up;
    ///   ``StorageError/Code/inputOutput`` where a disk that otherwise works does not take the data;
    ///   ``StorageError/Code/failedPrecondition`` for ``UnmountEscalation/detach`` of a filesystem on a disk.
    @discardableResult
    public func unmountTarget(
        _ path: String, escalation: UnmountEscalation = .none, patience: Duration = .zero
    ) async throws(StorageError) -> TargetUnmount {
        try await perform(UnmountTarget(path: CallerPath(path), escalation: escalation, patience: patience))
    }

    /// Removes every mount at `path`, the topmost first, and then the empty directory, empty file or link itself: what a
    /// node plugin's unpublish comes to.
    ///
    /// Repeated calls change nothing; a missing path is success. Removes nothing that holds data: neither a directory
    /// with names in it nor a file with content.
    ///
    /// - Parameter patience: how long to wait for the holders of each mount: 0 to 600 seconds.
    /// - Throws: as ``unmountTarget(_:escalation:patience:)``; ``StorageError/Code/failedPrecondition`` where data are
    ///   at the path itself.
    @discardableResult
    public func cleanUpTarget(
        _ path: String, escalation: UnmountEscalation = .none, patience: Duration = .zero
    ) async throws(StorageError) -> TargetUnmount {
        try await perform(CleanUpTarget(path: CallerPath(path), escalation: escalation, patience: patience))
    }
}

/// How far an unmount goes with a mount that does not let go.
@nonexhaustive public enum UnmountEscalation: String, Sendable, Hashable, Codable, CaseIterable {
    /// Not beyond an orderly unmount.
    case none
    /// A server or program that does not answer is given up after ten seconds, with the data that it has not taken. A
    /// disk never is.
    case force
    /// The mount disappears at once and ends when its last user does. For filesystems of servers and programs alone: a
    /// disk would look free while it is still written to.
    case detach
}

/// What an unmount has done.
public struct TargetUnmount: Sendable, Hashable, Codable {
    /// How many mounts are gone.
    public var unmounted: Int
    /// Whether the last of them was detached with users left.
    public var wasDetached: Bool
    /// Why data that were not yet written are lost; nil where none are.
    public var loss: String?
    /// What still uses the device or filesystem below.
    public var outcome: UnmountOutcome

    public init(
        unmounted: Int = 0, wasDetached: Bool = false, loss: String? = nil, outcome: UnmountOutcome = .released
    ) {
        self.unmounted = unmounted
        self.wasDetached = wasDetached
        self.loss = loss
        self.outcome = outcome
    }
}

/// See ``StorageHost/unmountTarget(_:escalation:patience:)``.
public protocol TargetUnmountBackend: Sendable {
    func unmountTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) async throws(StorageError) -> TargetUnmount
    func cleanUpTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) async throws(StorageError) -> TargetUnmount
}

extension TargetUnmountBackend {
    public func unmountTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) async throws(StorageError) -> TargetUnmount {
        throw StorageError(.unsupported, "this host unmounts volumes alone")
    }

    public func cleanUpTarget(
        _ path: HostPath, escalation: UnmountEscalation, patience: Duration
    ) async throws(StorageError) -> TargetUnmount {
        throw StorageError(.unsupported, "this host unmounts volumes alone")
    }
}

/// Bounds the patience of a call, which holds the path meanwhile.
private let maximumPatience = Duration.seconds(600)

private func requireBounded(_ patience: Duration) throws(StorageError) {
    guard patience >= .zero, patience <= maximumPatience else {
        throw StorageError(.invalidArgument, "a call waits between 0 and \(maximumPatience) for the holders of a mount")
    }
}

// MARK: - Operations

/// See ``StorageHost/unmountTarget(_:escalation:patience:)``.
public struct UnmountTarget<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = TargetUnmount
    public var path: Path
    public var escalation: UnmountEscalation
    /// How long to wait for holders.
    public var patience: Duration

    public init(path: Path, escalation: UnmountEscalation = .none, patience: Duration = .zero) {
        self.path = path
        self.escalation = escalation
        self.patience = patience
    }

    public static var name: OperationName { .unmountTarget }
    public var description: String { "\(path)" }
}

extension UnmountTarget: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> UnmountTarget<HostPath> {
        try requireBounded(patience)
        return UnmountTarget<HostPath>(
            path: try resolver.placeBelowRoot(path, rootIsNoMountPoint), escalation: escalation, patience: patience)
    }
}

extension UnmountTarget: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .tree(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> TargetUnmount {
        try await backend.unmountTarget(path, escalation: escalation, patience: patience)
    }

    public static func replacingHolders(of done: TargetUnmount, by change: (Holder) -> Holder) -> TargetUnmount {
        done.replacingHolders(by: change)
    }

    public static func displayed(_ done: TargetUnmount, in paths: PathPolicy) -> TargetUnmount {
        done.replacingHolders { $0.displayed(in: paths) }
    }
}

/// See ``StorageHost/cleanUpTarget(_:escalation:patience:)``.
public struct CleanUpTarget<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = TargetUnmount
    public var path: Path
    public var escalation: UnmountEscalation
    /// How long to wait for holders.
    public var patience: Duration

    public init(path: Path, escalation: UnmountEscalation = .none, patience: Duration = .zero) {
        self.path = path
        self.escalation = escalation
        self.patience = patience
    }

    public static var name: OperationName { .cleanUpTarget }
    public var description: String { "\(path)" }
}

extension CleanUpTarget: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> CleanUpTarget<HostPath> {
        try requireBounded(patience)
        return CleanUpTarget<HostPath>(
            path: try resolver.placeBelowRoot(path, rootStays), escalation: escalation, patience: patience)
    }
}

extension CleanUpTarget: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .tree(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> TargetUnmount {
        try await backend.cleanUpTarget(path, escalation: escalation, patience: patience)
    }

    public static func replacingHolders(of done: TargetUnmount, by change: (Holder) -> Holder) -> TargetUnmount {
        done.replacingHolders(by: change)
    }

    public static func displayed(_ done: TargetUnmount, in paths: PathPolicy) -> TargetUnmount {
        done.replacingHolders { $0.displayed(in: paths) }
    }
}

extension TargetUnmount {
    fileprivate func replacingHolders(by change: (Holder) -> Holder) -> TargetUnmount {
        var copy = self
        copy.outcome = outcome.replacingHolders(by: change)
        return copy
    }
}

extension OperationName {
    public static let unmountTarget: OperationName = "unmount target"
    public static let cleanUpTarget: OperationName = "clean up target"
}
