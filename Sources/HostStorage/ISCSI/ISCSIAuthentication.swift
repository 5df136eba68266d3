// SPDX-License-Identifier: Apache-2.0

/// Who proves a secret to whom at a login.
@nonexhaustive public enum ISCSIAuthentication: Sendable, Equatable {
    /// Nobody.
    case none
    /// The host to the target.
    case oneWay(CHAP)
    /// The host to the target, and the target to the host: by `target`, or where that is nil by the host's own secret,
    /// see ``ISCSIOperations/setMutualCHAPSecret(_:)``.
    case mutual(CHAP, target: CHAP? = nil)
}

/// A name and the secret that proves it (RFC 1994).
public struct CHAP: Sendable, Equatable {
    public let name: String
    public let secret: Secret

    /// Each has 1 to 255 bytes.
    public init(name: String, secret: Secret) throws(StorageError) {
        guard (1...255).contains(name.utf8.count), name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw StorageError(.invalidArgument, "the CHAP name is empty, longer than 255 bytes or no line of text")
        }
        try Self.check(secret)
        self.name = name
        self.secret = secret
    }

    /// What no CHAP secret can be is refused.
    public static func check(_ secret: Secret) throws(StorageError) {
        guard (1...255).contains(secret.revealed.utf8.count) else {
            throw StorageError(.invalidArgument, "the CHAP secret is empty or longer than 255 bytes")
        }
    }
}
