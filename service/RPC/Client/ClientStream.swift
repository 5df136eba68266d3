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
        guard let flag = body.getInteger(at: body.readerIndex, as: UInt8.self) else { return nil }
        guard flag == 0 else { throw Status(.internalError, "the response is compressed") }
        guard let length = body.getInteger(at: body.readerIndex + 1, as: UInt32.self).map(Int.init) else { return nil }
        guard length <= limit else {
            throw Status(.resourceExhausted, "a message of \(length) bytes is larger than \(limit)")
        }
        guard let message = body.getBytes(at: body.readerIndex + 5, length: length) else { return nil }
        body.moveReaderIndex(forwardBy: 5 + length)
        if body.readableBytes == 0 { body = ByteBuffer() } else { body.discardReadBytes() }
        return message
    }
}
