// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// What is at `path`: one question in the place of the four that a node plugin asks before it publishes a volume
    /// (does the path exist, is it a mount point, is the mount dead, what is mounted there).
    ///
    /// A link is not followed. A path that is no mount is answered without the table of mounts; for a mount the table is
    /// read. A server or program that does not answer is given up after about a second, see ``TargetState/silent(_:)``;
    /// no other call waits for it meanwhile.
    ///
    /// - Throws: ``StorageError/Code/denied`` outside of the roots; ``StorageError/Code/failedPrecondition`` where a
    ///   link is in the way.
    public func targetState(of path: String) async throws(StorageError) -> TargetState {
        try await perform(StateOfTarget(path: CallerPath(path)))
    }
}

/// What is at a path.
@nonexhaustive public enum TargetState: Sendable, Hashable, Codable {
    /// Nothing, or a directory on the way is missing.
    case absent
    case directory
    case file
    /// A symbolic link, and its text. As callers see it, where it leads beneath a root.
    case link(to: String)
    /// A device node, socket or pipe.
    case special
    /// The topmost mount on it, which works as far as the kernel knows.
    case mounted(MountState)
    /// The topmost mount on it, which is of no use any more: its device is gone, its filesystem was shut down, its
    /// program has ended, its server has forgotten it. With the reason.
    case dead(MountState, reason: String)
    /// The topmost mount on it, whose server or program has not answered. It may be dead or slow.
    case silent(MountState)

    /// The mount, where there is one.
    public var mount: MountState? {
        switch self {
        case .mounted(let mount), .dead(let mount, _), .silent(let mount): mount
        case .absent, .directory, .file, .link, .special: nil
        }
    }

    func mapMount(_ change: (MountState) -> MountState) -> TargetState {
        switch self {
        case .mounted(let mount): .mounted(change(mount))
        case .dead(let mount, let reason): .dead(change(mount), reason: reason)
        case .silent(let mount): .silent(change(mount))
        case .absent, .directory, .file, .link, .special: self
        }
    }
}

/// See ``StorageHost/targetState(of:)``.
public protocol TargetStateBackend: Sendable {
    func targetState(of path: HostPath) async throws(StorageError) -> TargetState
}

extension TargetStateBackend {
    public func targetState(of path: HostPath) async throws(StorageError) -> TargetState {
        throw StorageError(.unsupported, "this host does not tell what is at a path")
    }
}

// MARK: - Operations

/// See ``StorageHost/targetState(of:)``.
public struct StateOfTarget<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = TargetState
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .targetState }
    public var description: String { "\(path)" }
}

extension StateOfTarget: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> StateOfTarget<HostPath> {
        StateOfTarget<HostPath>(path: try resolver.place(path))
    }
}

extension StateOfTarget: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> TargetState {
        try await backend.targetState(of: path)
    }

    // A caller's directories can have mounts of disks that are not the caller's.
    public static func subjects(of state: TargetState) -> [Subject] { (state.mount?.disk).map { [.disk($0)] } ?? [] }
    public static func limit(_ state: TargetState, to permitted: Set<Subject>) -> TargetState? {
        permitted.isSuperset(of: subjects(of: state)) ? state : state.mapMount(\.withoutSource)
    }

    public static func displayed(_ state: TargetState, in paths: PathPolicy) -> TargetState {
        guard case .link(let text) = state, text.hasPrefix("/") else { return state }
        return .link(to: paths.displayPath(ofHostPath: text))
    }
}

extension OperationName {
    public static let targetState: OperationName = "look up target"
}
