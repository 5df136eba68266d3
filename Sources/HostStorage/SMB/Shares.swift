// SPDX-License-Identifier: Apache-2.0

// A mapping is the root of a share, mounted once for each SMB user. A mapping has users, each a remote path and perhaps
// a link, and goes with the last of them.

extension StorageHost {
    /// Maps the share and, where `link` is given, makes a symbolic link there to the remote path.
    ///
    /// Idempotent without a link; anything that exists at `link` is ``StorageError/Code/alreadyExists`` and changes
    /// nothing. A mapping that no longer works, because its server was away or its password was changed, is made anew
    /// with these credentials. Refused credentials, and a server without encryption where the host's settings require
    /// it, are ``StorageError/Code/denied``; a server that does not answer is ``StorageError/Code/unavailable``.
    ///
    /// - Parameter credentials: nil for a guest.
    public func mapShare(
        _ remote: SMBRemotePath, linkedAt link: String?, as credentials: SMBCredentials?
    ) async throws(StorageError) {
        try await perform(MapShare(remote: remote, link: link.map { CallerPath($0) }, credentials: credentials))
    }

    /// Takes one user of the remote path away, and with the last user of the share its mapping. Links stay; one that
    /// was removed counts as gone already. A remote path without users is ``StorageError/Code/notFound``.
    public func unmapShare(_ remote: SMBRemotePath) async throws(StorageError) {
        try await perform(UnmapShare(remote: remote))
    }
}

public protocol ShareBackend: Sendable {
    func mapShare(
        _ remote: SMBRemotePath, linkedAt link: HostPath?, as credentials: SMBCredentials?
    ) async throws(StorageError)
    func unmapShare(_ remote: SMBRemotePath) async throws(StorageError)
}

public struct MapShare<Path: PathForm>: NamedOperation, Equatable {
    public typealias Answer = Void
    public var remote: SMBRemotePath
    /// Where a link to it is made; nil for none.
    public var link: Path?
    /// Nil for a guest.
    public var credentials: SMBCredentials?

    public init(remote: SMBRemotePath, link: Path?, credentials: SMBCredentials?) {
        self.remote = remote
        self.link = link
        self.credentials = credentials
    }

    public static var name: OperationName { .mapShare }
    public var description: String {
        "\(remote) as \(credentials?.name ?? "guest")" + (link.map { " at \($0)" } ?? "")
    }
}

extension MapShare: HostOperation where Path == CallerPath {
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> MapShare<HostPath> {
        var place: HostPath?
        if let link { place = try resolver.placeBelowRoot(link, rootStays) }
        return MapShare<HostPath>(remote: remote, link: place, credentials: credentials)
    }
}

extension MapShare: ResolvedOperation where Path == HostPath {
    public var subjects: [Subject] { [.share(remote)] + (link.map { [.path($0)] } ?? []) }
    public var effect: Effect {
        // A call never shares the outcome of a call with another password.
        .change(holding: [.share(remote.share)] + (link.map { [.entry($0)] } ?? []), joinable: false)
    }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.mapShare(remote, linkedAt: link, as: credentials)
    }
}

public struct UnmapShare: HostOperation, ResolvedOperation {
    public var remote: SMBRemotePath

    public init(remote: SMBRemotePath) { self.remote = remote }

    public static var name: OperationName { .unmapShare }
    public var subjects: [Subject] { [.share(remote)] }
    // Each call takes a user away.
    public var effect: Effect { .unsharedChange(holding: .share(remote.share)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.unmapShare(remote)
    }
}

extension OperationName {
    public static let mapShare: OperationName = "map share"
    public static let unmapShare: OperationName = "unmap share"
}
