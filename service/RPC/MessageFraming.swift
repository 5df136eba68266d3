// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Messages as they lie in DATA: a flag, the length in four bytes, the bytes (gRPC over HTTP/2, "Length-Prefixed-Message").
extension ByteBuffer {
    mutating func write(message: [UInt8]) {
        writeMultipleIntegers(UInt8(0), UInt32(message.count))
        writeBytes(message)
    }

    /// Takes the next message; nil where it is not complete.
    mutating func readMessage(limit: Int) throws(MessageFault) -> [UInt8]? {
        guard let flag = getInteger(at: readerIndex, as: UInt8.self) else { return nil }
        guard flag == 0 else { throw flag == 1 ? .compressed : .unknownFlags }
        guard let length = getInteger(at: readerIndex + 1, as: UInt32.self).map(Int.init) else { return nil }
        guard length <= limit else { throw .tooLarge(length, limit: limit) }
        guard let message = getBytes(at: readerIndex + 5, length: length) else { return nil }
        moveReaderIndex(forwardBy: 5 + length)
        return message
    }
}

/// What is wrong with a message.
enum MessageFault: Error {
    case compressed, unknownFlags
    case tooLarge(Int, limit: Int)

    /// For the caller of a server.
    var status: Status {
        switch self {
        case .compressed: Status(.unimplemented, "compression is not supported")
        case .unknownFlags: Status(.internalError, "the message's flags are unknown")
        case .tooLarge(let length, let limit):
            Status(.resourceExhausted, "a message of \(length) bytes is larger than \(limit)")
        }
    }
}
