// SPDX-License-Identifier: Apache-2.0

/// The user for the mount of a share.
public struct SMBCredentials: Sendable, Equatable {
    /// Nil where the server is to decide.
    public let domain: String?
    public let user: String
    public let password: Secret

    /// - Parameters:
    ///   - user: `user`, `DOMAIN\user` or `user@domain`; the last is left to the server as it is.
    ///   - password: at most 255 bytes, as the user: fsconfig(2) takes no more.
    public init(user text: String, password: Secret) throws(StorageError) {
        let parts = text.utf8.split(separator: UInt8(ascii: "\\"), maxSplits: 1, omittingEmptySubsequences: false)
        let user = parts.last.map { String(Substring($0)) } ?? ""
        let domain = parts.count == 2 ? String(Substring(parts[0])) : nil
        guard !user.isEmpty, domain != "", text.utf8.count <= 255, !user.contains("\\"),
            text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw StorageError(.invalidArgument, "\"\(text.excerpt)\" is not a user name")
        }
        guard password.revealed.utf8.count <= 255 else {
            throw StorageError(.invalidArgument, "the password is longer than 255 bytes")
        }
        self.domain = domain
        self.user = user
        self.password = password
    }

    /// The user as people write it, without the password.
    public var name: String { domain.map { #"\#($0)\\#(user)"# } ?? user }
}
