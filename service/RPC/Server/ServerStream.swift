// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One call of a server. Confined to its connection's event loop.
// Unchecked: tasks hand it back to the loop and do not look into it.
final class ServerStream: Stream, @unchecked Sendable {
    let method: Method
    let call: Call
    /// The content-length header; nil without one.
    let announcedLength: Int?
    var prefix = MessagePrefix()
    /// The bytes of the message so far.
    var body = ByteBuffer()
    /// Of all DATA.
    var received = 0
    /// What of the budgets ``body`` takes.
    var heldForBody = 0
    var ageSeconds = 0
    var isHeadSent = false
    /// Its status has been decided; what may be left is to be sent.
    var isAnswered = false
    /// Messages of a call that answers each are being answered.
    var isAnswering = false
    /// Its task runs, though the stream may be gone.
    var isWorking = false
    var isOpen = true
    /// It counts among the connection's calls.
    var isCounted = true
    /// Its gate knows how it ended.
    var isReported = false
    var task: Task<Void, Never>?
    /// The sender of a stream of messages, which waits for the peer.
    var waiter: CheckedContinuation<Void, any Error>?

    init(id: UInt32, sendWindow: Int, method: Method, call: Call, announcedLength: Int?) {
        (self.method, self.call, self.announcedLength) = (method, call, announcedLength)
        super.init(id: id, sendWindow: sendWindow)
    }
}
