// SPDX-License-Identifier: Apache-2.0

/// A host's storage as its users see it, linked or over sockets: disks, volumes, directories, shares, services and
/// iSCSI targets, paths in the spelling of the caller.
///
/// Programs call `host.mountVolume(volume, at: path)` and its like; each is ``perform(_:)`` with an operation's value,
/// and stands beside it.
public protocol StorageHost: Sendable {
    /// Performs an operation. An operation that this host does not have fails with ``StorageError/Code/unsupported``.
    func perform<Operation: HostOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer

    /// The answer to a question that takes no wait, on the caller's thread; nil where it may take one, and of operations
    /// that change something: these are performed. It reports the same errors. Always nil unless the host has more.
    func answer<Operation: HostOperation>(
        atOnce operation: Operation
    ) throws(StorageError) -> Operation.Answer?

    /// Watches the host: events until the reader stops asking for them. A watch that this host does not have fails with
    /// ``StorageError/Code/unsupported``.
    func watch<Watch: HostWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event>

    /// The same host for a caller that may reach no more than this. A path outside of it is
    /// ``StorageError/Code/denied``, whether it exists or not.
    func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost
}

extension StorageHost {
    public func answer<Operation: HostOperation>(
        atOnce operation: Operation
    ) throws(StorageError) -> Operation.Answer? { nil }

    public func watch<Watch: HostWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event> {
        throw StorageError(.unsupported, "this host streams no events").during(watch.phrase, "\(watch)")
    }

    /// A host that cannot compare paths where they are opened cannot confine calls.
    public func confined(to confinement: CallConfinement) throws(StorageError) -> any StorageHost {
        throw StorageError(.denied, "this host cannot confine a caller to \(confinement.name)")
    }
}

/// Runs operations for ``LocalHost``: paths have been placed, operations that change something are serialised, and each
/// runs to its end even if the caller has left.
public protocol OperationRunner: Sendable {
    func perform<Operation: ResolvedOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer

    /// The answer to a query that needs no wait; nil where it may.
    func answer<Operation: ResolvedOperation>(
        atOnce operation: Operation
    ) throws(StorageError) -> Operation.Answer?

    func watch<Watch: ResolvedWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event>
}

extension OperationRunner {
    public func answer<Operation: ResolvedOperation>(
        atOnce operation: Operation
    ) throws(StorageError) -> Operation.Answer? { nil }

    public func watch<Watch: ResolvedWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event> {
        throw StorageError(.unsupported, "this host streams no events")
    }
}

/// A host's storage as a backend provides it: a method for each operation.
public protocol StorageBackend: OperationRunner, DiskBackend, DiskStateBackend, DiskWatchBackend, PartitioningBackend,
    VolumeBackend, MountingBackend, FormattingBackend, ResizingBackend, DirectoryBackend, SymlinkBackend, ShareBackend,
    ServiceBackend, PortalBackend,
    TargetBackend, TargetStateBackend, BindMountBackend, TargetUnmountBackend,
    EnsuredPlacesBackend, SmallFileBackend, CanonicalPathBackend, MaintenanceBackend, TargetStatsBackend
{}

extension StorageBackend {
    public func perform<Operation: ResolvedOperation>(
        _ operation: Operation
    ) async throws(StorageError) -> Operation.Answer {
        try await operation.run(on: self)
    }

    public func answer<Operation: ResolvedOperation>(
        atOnce operation: Operation
    ) throws(StorageError) -> Operation.Answer? {
        try operation.answer(atOnceBy: self)
    }

    public func watch<Watch: ResolvedWatch>(_ watch: Watch) async throws(StorageError) -> HostEvents<Watch.Event> {
        try await watch.run(on: self)
    }
}
