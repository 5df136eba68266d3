// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Makes `link`, a symbolic link to `target`. The target need not exist; anything that exists at
    /// `link` is ``StorageError/Code/alreadyExists``.
    public func createSymlink(at link: String, to target: String) async throws(StorageError) {
        try await perform(CreateSymlink(link: CallerPath(link), target: CallerPath(target)))
    }

    /// Whether `path` is a link whose immediate target exists, or a mount point. A missing path is
    /// ``StorageError/Code/notFound``.
    public func isSymlink(_ path: String) async throws(StorageError) -> Bool {
        try await perform(IsSymlink(path: CallerPath(path)))
    }
}

public protocol SymlinkBackend: Sendable {
    func createSymlink(at link: HostPath, to target: HostPath) async throws(StorageError)
    func isSymlink(_ path: HostPath) async throws(StorageError) -> Bool
    /// The same where the answer takes no wait; nil where it may. Always nil unless declared.
    func isSymlink(atOnce path: HostPath) throws(StorageError) -> Bool?
}

extension SymlinkBackend {
    public func isSymlink(atOnce path: HostPath) throws(StorageError) -> Bool? { nil }
}

public struct CreateSymlink<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Void
    public var link: Path
    public var target: Path

    public init(link: Path, target: Path) {
        self.link = link
        self.target = target
    }

    public static var name: OperationName { .createSymlink }
    public var description: String { "\(link) to \(target)" }
}

extension CreateSymlink: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> CreateSymlink<HostPath> {
        CreateSymlink<HostPath>(link: try resolver.placeBelowRoot(link, rootStays), target: try resolver.place(target))
    }
}

extension CreateSymlink: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(link), .path(target)] }
    public var effect: Effect { .change(holding: .entry(link)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.createSymlink(at: link, to: target)
    }
}

public struct IsSymlink<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Bool
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .isSymlink }
    public var description: String { "\(path)" }
}

extension IsSymlink: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> IsSymlink<HostPath> {
        IsSymlink<HostPath>(path: try resolver.place(path))
    }
}

extension IsSymlink: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.isSymlink(path)
    }
    public func answer(atOnceBy backend: some StorageBackend) throws(StorageError) -> Bool? {
        try backend.isSymlink(atOnce: path)
    }
}

extension OperationName {
    public static let createSymlink: OperationName = "create symlink"
    public static let isSymlink: OperationName = "look up link"
}
