// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// The content of a small file, such as the data that a node plugin keeps beside a staged volume. A link at the path
    /// is not followed.
    ///
    /// - Throws: ``StorageError/Code/notFound`` where nothing is there; ``StorageError/Code/failedPrecondition`` where
    ///   something else than a file is; ``StorageError/Code/outOfRange`` for a file of more than 1 MiB.
    public func readFile(_ path: String) async throws(StorageError) -> [UInt8] {
        try await perform(ReadFile(path: CallerPath(path)))
    }

    /// Puts a small file at `path`, whole or not at all: after a crash there is the file as it was, or as it is to be.
    /// The data are on stable storage when it returns. A file that is there is replaced, anything else is not.
    ///
    /// - Parameters:
    ///   - bytes: at most 1 MiB.
    ///   - mode: of the file; an earlier one's does not count.
    /// - Throws: ``StorageError/Code/notFound`` where its directory is missing;
    ///   ``StorageError/Code/failedPrecondition`` where something else than a file is there;
    ///   ``StorageError/Code/outOfRange`` for more bytes.
    public func writeFile(_ bytes: [UInt8], to path: String, mode: FileMode = .file) async throws(StorageError) {
        try await perform(WriteFile(path: CallerPath(path), bytes: bytes, mode: mode))
    }
}

/// The greatest file that is read or written as a whole, in bytes.
package let maximumSmallFile = 1 << 20

/// See ``StorageHost/readFile(_:)``.
public protocol SmallFileBackend: Sendable {
    func readFile(_ path: HostPath) async throws(StorageError) -> [UInt8]
    func writeFile(_ bytes: [UInt8], to path: HostPath, mode: FileMode) async throws(StorageError)
}

extension SmallFileBackend {
    public func readFile(_ path: HostPath) async throws(StorageError) -> [UInt8] {
        throw StorageError(.unsupported, "this host reads no files")
    }

    public func writeFile(_ bytes: [UInt8], to path: HostPath, mode: FileMode) async throws(StorageError) {
        throw StorageError(.unsupported, "this host writes no files")
    }
}

// MARK: - Operations

/// See ``StorageHost/readFile(_:)``.
public struct ReadFile<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = [UInt8]
    public var path: Path

    public init(path: Path) { self.path = path }

    public static var name: OperationName { .readFile }
    public var description: String { "\(path)" }
}

extension ReadFile: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> ReadFile<HostPath> {
        ReadFile<HostPath>(path: try resolver.place(path))
    }
}

extension ReadFile: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> [UInt8] {
        try await backend.readFile(path)
    }
}

/// See ``StorageHost/writeFile(_:to:mode:)``.
public struct WriteFile<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Void
    public var path: Path
    public var bytes: [UInt8]
    public var mode: FileMode

    public init(path: Path, bytes: [UInt8], mode: FileMode = .file) {
        self.path = path
        self.bytes = bytes
        self.mode = mode
    }

    public static var name: OperationName { .writeFile }
    // The content may be a secret.
    public var description: String { "\(path)" }
}

extension WriteFile: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> WriteFile<HostPath> {
        guard bytes.count <= maximumSmallFile else {
            throw StorageError(.outOfRange, "\(bytes.count) bytes; at most \(maximumSmallFile) are written")
        }
        return WriteFile<HostPath>(path: try resolver.placeBelowRoot(path, rootStays), bytes: bytes, mode: mode)
    }
}

extension WriteFile: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.path(path)] }
    public var effect: Effect { .change(holding: .entry(path)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.writeFile(bytes, to: path, mode: mode)
    }
}

extension OperationName {
    public static let readFile: OperationName = "read file"
    public static let writeFile: OperationName = "write file"
}
