// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Our half of a call on a connection: what it may send, and what it has still to send. Confined to its connection.
class Stream {
    let id: UInt32
    final var sendWindow: Int
    final var receiveWindow = Connection.streamWindow
    /// The peer has said all.
    final var isRemoteEnded = false
    /// DATA that waits for a window.
    final var pending = ByteBuffer()
    /// Of the budget, for ``pending``.
    final var heldForPending = 0
    final var ending: Ending?
    /// Seconds since the peer last took or gave something.
    final var idleSeconds = 0

    enum Ending { case data, trailers(ByteBuffer) }

    init(id: UInt32, sendWindow: Int) { (self.id, self.sendWindow) = (id, sendWindow) }
}
