// SPDX-License-Identifier: Apache-2.0

/// What can be done with the shares of SMB servers.
///
/// A mapping is the root of a share, mounted once for each user whom it is mounted as. A mapping has users, each a
/// remote path and perhaps a link, and goes with the last of them.
public protocol SMBOperations<Path>: Sendable {
    associatedtype Path

    /// Maps the share and, where `link` is given, makes a symbolic link there to the remote path.
    ///
    /// Idempotent without a link; anything that exists at `link` is ``StorageError/Code/alreadyExists`` and changes
    /// nothing. A mapping that no longer works, because its server was away or its password was changed, is made anew
    /// with these credentials. Refused credentials, and a server without encryption where the host's settings require
    /// it, are ``StorageError/Code/denied``; a server that does not answer is ``StorageError/Code/unavailable``.
    ///
    /// - Parameter credentials: nil for a guest.
    func mapShare(
        _ remote: SMBRemotePath, linkedAt link: Path?, as credentials: SMBCredentials?
    ) async throws(StorageError)

    /// Takes one user of the remote path away, and with the last user of the share its mapping. Links stay; one that
    /// was removed counts as gone already. A remote path without users is ``StorageError/Code/notFound``.
    func unmapShare(_ remote: SMBRemotePath) async throws(StorageError)
}
