// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Mounts what is at `source` at `target` as well: a directory on a directory, a file or device node on a file.
    ///
    /// The mount appears in one step, with all that the options ask for: there is no moment at which a read-only mount
    /// can be written to. It keeps the flags of the mount that the source is seen through (nosuid, nodev, noexec, nosymfollow, ro).
    ///
    /// Repeated, it succeeds where the same source is mounted there and refuses or takes writes as asked for; the
    /// propagation and the mounts below are not compared. Links in `source` are followed, each of which must lead beneath
    /// a root. `target` has to exist, and a directory has to be empty.
    ///
    /// - Throws: ``StorageError/Code/notFound`` where either is missing; ``StorageError/Code/alreadyExists`` where the
    ///   source is mounted at the target and takes writes, or refuses them, other than asked for; ``StorageError/Code/failedPrecondition`` where something
    ///   else is mounted at the target, the target is not empty or of another kind;
    ///   ``StorageError/Code/unsupported`` before Linux 5.12 for a read-only mount or a propagation.
    @discardableResult
    public func bindMount(
        _ source: BindSource<CallerPath>, at target: String, options: BindOptions = BindOptions()
    ) async throws(StorageError) -> MountState {
        try await perform(BindMount(source: source, target: CallerPath(target), options: options))
    }
}

/// What a bind mount shows at a second place.
@nonexhaustive public enum BindSource<Path: PathForm>: Sendable, Hashable, CustomStringConvertible {
    /// A directory or file beneath a root.
    case path(Path)
    /// The device node of a disk: for a volume in block mode.
    case disk(DiskNumber)
    /// The device node of a volume.
    case volume(VolumeID)

    public var description: String {
        switch self {
        case .path(let path): "\(path)"
        case .disk(let disk): "disk \(disk)"
        case .volume(let volume): "\(volume)"
        }
    }
}

extension BindSource<CallerPath> {
    /// A directory or file, by the path that the caller spells.
    public static func path(_ text: String) -> Self { .path(CallerPath(text)) }
}

/// How a bind mount differs from the mount of its source.
public struct BindOptions: Sendable, Hashable, Codable {
    /// Whether the mount refuses writes. Of a device node it does not matter: the node is a name, and the device can be
    /// written to through it.
    public var isReadOnly: Bool
    /// Whether the mounts below the source come with it.
    public var isRecursive: Bool
    /// Where later mounts below it are seen.
    public var propagation: MountPropagation

    public init(isReadOnly: Bool = false, isRecursive: Bool = false, propagation: MountPropagation = .kept) {
        self.isReadOnly = isReadOnly
        self.isRecursive = isRecursive
        self.propagation = propagation
    }
}

/// Where mounts and unmounts below a mount are seen, as mount_namespaces(7) has it.
@nonexhaustive public enum MountPropagation: String, Sendable, Hashable, Codable, CaseIterable {
    /// As the kernel makes it from the mount of the source.
    case kept
    /// Here alone: Kubernetes' None.
    case `private`
    /// Those of the source here too, and not the other way: HostToContainer.
    case slave
    /// Both ways: Bidirectional.
    case shared
}

/// See ``StorageHost/bindMount(_:at:options:)``.
public protocol BindMountBackend: Sendable {
    func bindMount(
        _ source: BindSource<HostPath>, at target: HostPath, options: BindOptions
    ) async throws(StorageError) -> MountState
}

extension BindMountBackend {
    public func bindMount(
        _ source: BindSource<HostPath>, at target: HostPath, options: BindOptions
    ) async throws(StorageError) -> MountState {
        throw StorageError(.unsupported, "this host makes no bind mounts")
    }
}

// MARK: - Operations

/// See ``StorageHost/bindMount(_:at:options:)``.
public struct BindMount<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = MountState
    public var source: BindSource<Path>
    public var target: Path
    public var options: BindOptions

    public init(source: BindSource<Path>, target: Path, options: BindOptions = BindOptions()) {
        self.source = source
        self.target = target
        self.options = options
    }

    public static var name: OperationName { .bindMount }
    public var description: String { "\(source) at \(target)" }
}

extension BindMount: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> BindMount<HostPath> {
        let place: BindSource<HostPath>
        switch source {
        case .path(let path): place = .path(try resolver.place(path))
        case .disk(let disk): place = .disk(disk)
        case .volume(let volume): place = .volume(volume)
        }
        return BindMount<HostPath>(
            source: place, target: try resolver.placeBelowRoot(target, rootIsNoMountPoint), options: options)
    }
}

extension BindMount: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] {
        switch source {
        case .path(let path): [.path(path), .path(target)]
        case .disk(let disk): [.disk(disk), .path(target)]
        case .volume(let volume): [.volume(volume), .path(target)]
        }
    }
    public var effect: Effect {
        // Of the source nothing is changed; it is held so that it is not unmounted meanwhile.
        switch source {
        case .path(let path): .change(holding: .entry(path), .tree(target))
        case .disk(let disk): .change(holding: .disk(disk), .tree(target))
        case .volume(let volume): .change(holding: .diskOf(volume), .tree(target))
        }
    }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> MountState {
        try await backend.bindMount(source, at: target, options: options)
    }

    public static func subjects(of state: MountState) -> [Subject] { state.disk.map { [.disk($0)] } ?? [] }
    public static func limit(_ state: MountState, to permitted: Set<Subject>) -> MountState? {
        permitted.isSuperset(of: subjects(of: state)) ? state : state.withoutSource
    }
}

extension OperationName {
    public static let bindMount: OperationName = "bind mount"
}
