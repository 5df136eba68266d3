// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Sees to it that a directory is at `path`: where nothing is, it is made, with its missing parents (mode 0755).
    ///
    /// - Parameter mode: of a directory that is made, independent of the process's umask. One that is there keeps its own.
    /// - Returns: whether it was made.
    /// - Throws: ``StorageError/Code/failedPrecondition`` where a file or a link to no directory is in the way.
    @discardableResult
    public func ensureDirectory(_ path: String, mode: FileMode = .directory) async throws(StorageError) -> Bool {
        try await perform(EnsureDirectory(path: CallerPath(path), mode: mode))
    }

    /// Sees to it that a file is at `path`: where nothing is, an empty one is made. Its directory has to exist. For
    /// mounts of files and device nodes.
    ///
    /// - Parameter mode: of a file that is made. One that is there keeps its own, and its content.
    /// - Returns: whether it was made.
    /// - Throws: ``StorageError/Code/notFound`` where the directory is missing;
    ///   ``StorageError/Code/failedPrecondition`` where something else than a file is there.
    @discardableResult
    public func ensureFile(_ path: String, mode: FileMode = .file) async throws(StorageError) -> Bool {
        try await perform(EnsureFile(path: CallerPath(path), mode: mode))
    }

    /// Sees to it that `link` is a symbolic link to `target`.
    ///
    /// - Parameter requiresMount: whether `target` has to be a mount point, so that a pod does not get the empty directory
    ///   of a volume that is not staged.
    /// - Returns: whether the link was made; false where it was there.
    /// - Throws: ``StorageError/Code/alreadyExists`` where something else is at `link`, also a link elsewhere;
    ///   ``StorageError/Code/failedPrecondition`` where `target` was to be a mount and is none.
    @discardableResult
    public func ensureSymlink(
        at link: String, to target: String, requiresMount: Bool = false
    ) async throws(StorageError) -> Bool {
        try await perform(
            EnsureSymlink(link: CallerPath(link), target: CallerPath(target), requiresMount: requiresMount))
    }
}

/// See ``StorageHost/ensureDirectory(_:mode:)``.
public protocol EnsuredPlacesBackend: Sendable {
    func ensureDirectory(_ path: HostPath, mode: FileMode) async throws(StorageError) -> Bool
    func ensureFile(_ path: HostPath, mode: FileMode) async throws(StorageError) -> Bool
    func ensureSymlink(
        at link: HostPath, to target: HostPath, requiresMount: Bool
    ) async throws(StorageError) -> Bool
}

extension EnsuredPlacesBackend {
    public func ensureDirectory(_ path: HostPath, mode: FileMode) async throws(StorageError) -> Bool {
        throw StorageError(.unsupported, "this host makes directories of one mode alone")
    }

    public func ensureFile(_ path: HostPath, mode: FileMode) async throws(StorageError) -> Bool {
        throw StorageError(.unsupported, "this host makes no files")
    }

    public func ensureSymlink(
        at link: HostPath, to target: HostPath, requiresMount: Bool
    ) async throws(StorageError) -> Bool {
        throw StorageError(.unsupported, "this host makes links anew alone")
    }
}

// MARK: - Operations

/// See ``StorageHost/ensureDirectory(_:mode:)``.
public struct EnsureDirectory<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Bool
    public var path: Path
    public var mode: FileMode

    public init(path: Path, mode: FileMode = .directory) {
        self.path = path
        self.mode = mode
    }

    public static var name: OperationName { .ensureDirectory }
    public var description: String { "\(path)" }
}

extension EnsureDirectory: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> EnsureDirectory<HostPath> {
        EnsureDirectory<HostPath>(path: try resolver.place(path), mode: mode)
    }
}

extension EnsureDirectory: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .entry(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.ensureDirectory(path, mode: mode)
    }
}

/// See ``StorageHost/ensureFile(_:mode:)``.
public struct EnsureFile<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Bool
    public var path: Path
    public var mode: FileMode

    public init(path: Path, mode: FileMode = .file) {
        self.path = path
        self.mode = mode
    }

    public static var name: OperationName { .ensureFile }
    public var description: String { "\(path)" }
}

extension EnsureFile: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> EnsureFile<HostPath> {
        EnsureFile<HostPath>(path: try resolver.placeBelowRoot(path, rootStays), mode: mode)
    }
}

extension EnsureFile: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .entry(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.ensureFile(path, mode: mode)
    }
}

/// See ``StorageHost/ensureSymlink(at:to:requiresMount:)``.
public struct EnsureSymlink<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Bool
    public var link: Path
    public var target: Path
    public var requiresMount: Bool

    public init(link: Path, target: Path, requiresMount: Bool = false) {
        self.link = link
        self.target = target
        self.requiresMount = requiresMount
    }

    public static var name: OperationName { .ensureSymlink }
    public var description: String { "\(link) to \(target)" }
}

extension EnsureSymlink: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> EnsureSymlink<HostPath> {
        EnsureSymlink<HostPath>(
            link: try resolver.placeBelowRoot(link, rootStays), target: try resolver.place(target),
            requiresMount: requiresMount)
    }
}

extension EnsureSymlink: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(link), .path(target)] }
    public var effect: Effect { .change(holding: .entry(link)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.ensureSymlink(at: link, to: target, requiresMount: requiresMount)
    }
}

extension OperationName {
    public static let ensureDirectory: OperationName = "ensure directory"
    public static let ensureFile: OperationName = "ensure file"
    public static let ensureSymlink: OperationName = "ensure link"
}
