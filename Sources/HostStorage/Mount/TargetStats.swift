// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// How full the filesystem at `path` is, in bytes and inodes, as statfs(2) says it; of a device node, which is a
    /// volume in block mode, its size. What a node plugin answers the kubelet's question for a volume's statistics with.
    ///
    /// A link is not followed.
    ///
    /// - Throws: ``StorageError/Code/notFound`` where nothing is there; ``StorageError/Code/unavailable`` where the
    ///   server or program of the filesystem has not answered within about a second;
    ///   ``StorageError/Code/inputOutput`` where the filesystem is dead; ``StorageError/Code/failedPrecondition`` for a
    ///   link.
    public func targetStats(of path: String) async throws(StorageError) -> TargetStats {
        try await perform(StatsOfTarget(path: CallerPath(path)))
    }
}

/// Bytes or inodes of a filesystem.
public struct Capacity: Sendable, Hashable, Codable {
    /// All that there are.
    public var total: Int64
    /// Those in use.
    public var used: Int64
    /// What users can still take. Less than the rest where the filesystem keeps some for root.
    public var available: Int64

    public init(total: Int64, used: Int64, available: Int64) {
        self.total = total
        self.used = used
        self.available = available
    }
}

/// The statistics of what is at a path.
@nonexhaustive public enum TargetStats: Sendable, Hashable, Codable {
    /// The inodes are nil for a filesystem that does not count them, such as btrfs.
    case filesystem(bytes: Capacity, inodes: Capacity?)
    /// A device, of which the size alone is known, in bytes.
    case device(size: Int64)
}

/// See ``StorageHost/targetStats(of:)``.
public protocol TargetStatsBackend: Sendable {
    func targetStats(of path: HostPath) async throws(StorageError) -> TargetStats
}

extension TargetStatsBackend {
    public func targetStats(of path: HostPath) async throws(StorageError) -> TargetStats {
        throw StorageError(.unsupported, "this host has statistics of volumes alone")
    }
}

// MARK: - Operations

/// See ``StorageHost/targetStats(of:)``.
public struct StatsOfTarget<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = TargetStats
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .targetStats }
    public var description: String { "\(path)" }
}

extension StatsOfTarget: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> StatsOfTarget<HostPath> {
        StatsOfTarget<HostPath>(path: try resolver.place(path))
    }
}

extension StatsOfTarget: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> TargetStats {
        try await backend.targetStats(of: path)
    }
}

extension OperationName {
    public static let targetStats: OperationName = "statistics of target"
}
