// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The header blocks of a server's answers.
enum StatusBlock {
    /// Clients take 8 KiB of metadata, gRPC's default in C; half of it is for the text.
    private static let roomForText = 4_096
    /// What is further in the trailers, so that a block fits into one frame.
    private static let roomForTrailers = 8_192

    /// Before the messages.
    static let head: ByteBuffer = block { start(&$0) }
    /// After a response without an error.
    static let ok: ByteBuffer = block { $0.writeField("grpc-status", "0") }

    static func trailers(_ status: Status) -> ByteBuffer { block { write(status, into: &$0) } }

    /// An answer without messages.
    ///
    /// - Parameter encodings: What compressions are accepted, where that is what is wrong.
    static func trailersOnly(_ status: Status, http: HTTPStatus = .ok, encodings: String? = nil) -> ByteBuffer {
        block {
            start(&$0, http)
            if let encodings { $0.writeField("grpc-accept-encoding", encodings) }
            write(status, into: &$0)
        }
    }

    enum HTTPStatus: String { case ok = "200", methodNotAllowed = "405", unsupportedMediaType = "415" }

    private static func block(_ write: (inout ByteBuffer) -> Void) -> ByteBuffer {
        var block = ByteBuffer()
        write(&block)
        return block
    }

    private static func start(_ block: inout ByteBuffer, _ http: HTTPStatus = .ok) {
        block.writeField(":status", http.rawValue)
        block.writeField("content-type", "application/grpc")
    }

    private static func write(_ status: Status, into block: inout ByteBuffer) {
        block.writeField("grpc-status", String(status.code.rawValue))
        if !status.message.isEmpty {
            block.writeField("grpc-message", PercentEncoding.encode(status.message, room: roomForText))
        }
        var room = roomForTrailers
        for trailer in status.trailers {
            let value = trailer.name.hasSuffix("-bin") ? Base64.encode(trailer.value) : trailer.value
            room -= trailer.name.utf8.count + value.count + 32
            guard room >= 0 else { break }
            block.writeField(trailer.name, value)
        }
    }
}
