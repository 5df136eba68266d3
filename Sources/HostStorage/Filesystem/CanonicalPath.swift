// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// The path without links: the place that `path` leads to, each link on the way leading beneath a root.
    ///
    /// - Throws: ``StorageError/Code/notFound`` where it leads nowhere; ``StorageError/Code/denied`` where it leads out of
    ///   the roots.
    public func canonicalPath(of path: String) async throws(StorageError) -> String {
        try await perform(CanonicalPath(path: CallerPath(path)))
    }
}

/// See ``StorageHost/canonicalPath(of:)``.
public protocol CanonicalPathBackend: Sendable {
    /// An absolute path of the host.
    func canonicalPath(of path: HostPath) async throws(StorageError) -> String
}

extension CanonicalPathBackend {
    public func canonicalPath(of path: HostPath) async throws(StorageError) -> String {
        throw StorageError(.unsupported, "this host resolves no links")
    }
}

// MARK: - Operations

/// See ``StorageHost/canonicalPath(of:)``.
public struct CanonicalPath<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = String
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .canonicalPath }
    public var description: String { "\(path)" }
}

extension CanonicalPath: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> CanonicalPath<HostPath> {
        CanonicalPath<HostPath>(path: try resolver.place(path))
    }
}

extension CanonicalPath: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> String {
        try await backend.canonicalPath(of: path)
    }

    public static func displayed(_ path: String, in paths: PathPolicy) -> String {
        paths.displayPath(ofHostPath: path)
    }
}

extension OperationName {
    public static let canonicalPath: OperationName = "resolve links of"
}
