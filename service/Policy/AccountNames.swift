// SPDX-License-Identifier: Apache-2.0

import CUnixSocket

/// Converts names of users and groups to numbers, once, when a policy is loaded.
public struct AccountNames: Sendable {
    public var uid: @Sendable (String) -> UInt32?
    public var gid: @Sendable (String) -> UInt32?

    public init(
        uid: @escaping @Sendable (String) -> UInt32?, gid: @escaping @Sendable (String) -> UInt32?
    ) {
        self.uid = uid
        self.gid = gid
    }

    /// This host's users and groups.
    public static let system = AccountNames(uid: { number(of: $0, isGroup: 0) }, gid: { number(of: $0, isGroup: 1) })

    private static func number(of name: String, isGroup: Int32) -> UInt32? {
        var number: UInt32 = 0
        return cus_account(name, isGroup, &number) == 0 ? number : nil
    }
}
