// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The user and group of the sockets, and of the directory where it is made for them.
public struct SocketOwner: Sendable, Hashable {
    public var uid: UInt32
    /// The group whose members may connect.
    public var gid: UInt32

    /// This process's user and group unless given. The group is always set: in a directory that passes its
    /// own group on, it would otherwise be another than the one that the policy knows.
    public init(uid: UInt32? = nil, gid: UInt32? = nil) {
        self.uid = uid ?? geteuid()
        self.gid = gid ?? getegid()
    }
}
