// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
import HostStorage
import RPC
import StorageAccess

/// The process at the other end of a connection, as the kernel recorded it when it connected (SO_PEERCRED and
/// SO_PEERGROUPS, unix(7)). A process that gets the descriptor later calls in that name.
public struct PeerCredentials: Sendable, Hashable, CustomStringConvertible {
    public var pid: Int32
    public var uid: UInt32
    public var gid: UInt32
    /// The supplementary groups.
    public var groups: [UInt32] = []

    init(pid: Int32, uid: UInt32, gid: UInt32) { (self.pid, self.uid, self.gid) = (pid, uid, gid) }

    init(of socket: Int32) throws(StorageError) {
        (pid, uid, gid) = (0, 0, 0)
        let result = cus_peer(socket, &pid, &uid, &gid)
        guard result >= 0 else { throw StorageError(.internalError, "SO_PEERCRED failed with errno \(-result)") }
        // Twice at most: the groups of a connected peer no longer change.
        var count: Int32 = 32
        repeat {
            groups = [UInt32](repeating: 0, count: Int(count))
            count = cus_peer_groups(socket, &groups, Int32(groups.count))
            guard count >= 0 else {
                throw StorageError(.internalError, "SO_PEERGROUPS failed with errno \(-count)")
            }
        } while count > groups.count
        groups.removeLast(groups.count - Int(count))
    }

    init(_ peer: Peer) { (pid, uid, gid, groups) = (peer.pid, peer.uid, peer.gid, peer.groups) }

    var peer: Peer { Peer(pid: pid, uid: uid, gid: gid, groups: groups) }

    var caller: Caller { Caller(uid: uid, gids: Set(groups).union([gid])) }

    public var description: String { "pid \(pid), uid \(uid), gid \(gid)" }
}
