// SPDX-License-Identifier: Apache-2.0

/// Which side proves a secret at a login.
@nonexhaustive public enum ISCSIAuthentication: Sendable, Equatable {
    /// Neither side.
    case none
    /// The host, to the target.
    case oneWay(CHAP)
    /// Both sides: the target proves `target`, or where that is nil the host's own secret, see
    /// ``ISCSIOperations/setMutualCHAPSecret(_:)``.
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

    /// Refuses values that CHAP does not allow.
    public static func check(_ secret: Secret) throws(StorageError) {
        guard (1...255).contains(secret.revealed.utf8.count) else {
            throw StorageError(.invalidArgument, "the CHAP secret is empty or longer than 255 bytes")
        }
    }
}
