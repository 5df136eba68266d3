// SPDX-License-Identifier: Apache-2.0

/// The process at the other end of a connection, as the kernel recorded it when it connected.
public struct Peer: Sendable, Hashable {
    public var pid: Int32
    public var uid: UInt32
    public var gid: UInt32
    /// The supplementary groups.
    public var groups: [UInt32]

    public init(pid: Int32, uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        (self.pid, self.uid, self.gid, self.groups) = (pid, uid, gid, groups)
    }
}
