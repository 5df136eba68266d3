// SPDX-License-Identifier: Apache-2.0

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
}
