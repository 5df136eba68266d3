// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
import HostStorage

/// Who is at the other end of a connection, as the kernel noted when it connected (SO_PEERCRED, unix(7)).
public struct PeerCredentials: Sendable, Hashable, CustomStringConvertible {
    public var pid: Int32
    public var uid: UInt32
    public var gid: UInt32

    /// Those of the call being answered.
    @TaskLocal public static var current: PeerCredentials?

    init(of socket: Int32) throws(StorageError) {
        (pid, uid, gid) = (0, 0, 0)
        let result = cus_peer(socket, &pid, &uid, &gid)
        guard result >= 0 else { throw StorageError(.internalError, "SO_PEERCRED failed with errno \(-result)") }
    }

    public var description: String { "pid \(pid), uid \(uid), gid \(gid)" }
}
