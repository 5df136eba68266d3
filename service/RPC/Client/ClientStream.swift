// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One call on a connection of a client. Confined to the client's event loop.
final class ClientStream: Stream {
    let call: ClientCall
    var body = ByteBuffer()
    var status: Status?

    init(id: UInt32, sendWindow: Int, call: ClientCall) {
        self.call = call
        super.init(id: id, sendWindow: sendWindow)
    }

    /// Takes the next message off its body; nil where it is not complete.
    func nextMessage(limit: Int) throws(Status) -> [UInt8]? {
        let message: [UInt8]?
        do throws(MessageFault) {
            message = try body.readMessage(limit: limit)
        } catch {
            guard case .tooLarge = error else { throw Status(.internalError, "the response is compressed") }
            throw error.status
        }
        guard message != nil else { return nil }
        if body.readableBytes == 0 { body = ByteBuffer() } else { body.discardReadBytes() }
        return message
    }
}
