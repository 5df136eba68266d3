// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Whether anything is at `path`. A link is not followed: one whose target is gone exists.
    public func pathExists(_ path: String) async throws(StorageError) -> Bool {
        try await perform(PathExists(path: CallerPath(path)))
    }

    /// Makes the directory and its missing parents, mode 0755. A directory that exists is success.
    public func makeDirectory(_ path: String) async throws(StorageError) {
        try await perform(MakeDirectory(path: CallerPath(path)))
    }

    /// Removes a file, a link or an empty directory; with `force` also a tree, and a missing path is
    /// success.
    ///
    /// Forced removal of a mount point unmounts it and removes the empty directory below: the volume's
    /// data stay. Removal of a tree neither follows a link nor crosses a mount; a mount inside the tree
    /// fails it with ``StorageError/Code/busy``. A root itself is never removed.
    public func remove(_ path: String, force: Bool) async throws(StorageError) {
        try await perform(Remove(path: CallerPath(path), force: force))
    }

    /// Removes everything in a directory and keeps the directory, under the same rules.
    public func removeContents(of path: String) async throws(StorageError) {
        try await perform(RemoveContents(path: CallerPath(path)))
    }
}

public protocol DirectoryBackend: Sendable {
    func pathExists(_ path: HostPath) async throws(StorageError) -> Bool
    /// The same where the answer takes no wait; nil where it may. Always nil unless declared.
    func pathExists(atOnce path: HostPath) throws(StorageError) -> Bool?
    func makeDirectory(_ path: HostPath) async throws(StorageError)
    func remove(_ path: HostPath, force: Bool) async throws(StorageError)
    func removeContents(of path: HostPath) async throws(StorageError)
}

extension DirectoryBackend {
    public func pathExists(atOnce path: HostPath) throws(StorageError) -> Bool? { nil }
}

/// Why a root is neither removed nor replaced.
let rootStays = "a working directory itself stays as it is"
/// Why nothing is mounted on a root.
let rootIsNoMountPoint = "a working directory itself is no mount point"

// MARK: - Operations

public struct PathExists<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Bool
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .pathExists }
    public var description: String { "\(path)" }
}

extension PathExists: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> PathExists<HostPath> {
        PathExists<HostPath>(path: try resolver.place(path))
    }
}

extension PathExists: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.pathExists(path)
    }
    public func answer(atOnceBy backend: some StorageBackend) throws(StorageError) -> Bool? {
        try backend.pathExists(atOnce: path)
    }
}

public struct MakeDirectory<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Void
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .makeDirectory }
    public var description: String { "\(path)" }
}

extension MakeDirectory: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> MakeDirectory<HostPath> {
        MakeDirectory<HostPath>(path: try resolver.place(path))
    }
}

extension MakeDirectory: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .entry(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.makeDirectory(path)
    }
}

public struct Remove<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Void
    public var path: Path
    public var force: Bool

    public init(path: Path, force: Bool) {
        self.path = path
        self.force = force
    }

    public static var name: OperationName { .remove }
    public var phrase: String { force ? "remove with force" : "remove" }
    public var description: String { "\(path)" }
}

extension Remove: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> Remove<HostPath> {
        Remove<HostPath>(path: try resolver.placeBelowRoot(path, rootStays), force: force)
    }
}

extension Remove: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .tree(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.remove(path, force: force)
    }
}

public struct RemoveContents<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Void
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .removeContents }
    public var description: String { "\(path)" }
}

extension RemoveContents: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> RemoveContents<HostPath> {
        RemoveContents<HostPath>(path: try resolver.placeBelowRoot(path, rootStays))
    }
}

extension RemoveContents: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .tree(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.removeContents(of: path)
    }
}

extension OperationName {
    public static let pathExists: OperationName = "look up path"
    public static let makeDirectory: OperationName = "make directory"
    public static let remove: OperationName = "remove"
    public static let removeContents: OperationName = "remove contents of"
}
