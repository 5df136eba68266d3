// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The fields of HEADERS and of the CONTINUATION frames that follow it, as far as they have come.
struct HeaderBlock {
    private static let maxContinuations = 8

    let stream: UInt32
    let endsStream: Bool
    private(set) var isComplete: Bool
    private(set) var bytes: ByteBuffer
    private var parts = 0

    init(_ head: FrameHead, _ payload: inout ByteBuffer) throws(ErrorCode) {
        try payload.removePadding(of: head)
        if head.flags.contains(.priority) {
            guard payload.readInteger(as: UInt32.self).map({ $0 & 0x7fff_ffff }) != head.stream,
                payload.readInteger(as: UInt8.self) != nil
            else { throw .protocolError }
        }
        (stream, bytes) = (head.stream, payload)
        (endsStream, isComplete) = (head.flags.contains(.endStream), head.flags.contains(.endHeaders))
    }

    /// - Parameter limit: The most bytes of all parts.
    mutating func add(_ head: FrameHead, _ payload: inout ByteBuffer, limit: Int) throws(ErrorCode) {
        parts += 1
        guard parts <= Self.maxContinuations, bytes.readableBytes + payload.readableBytes <= limit else {
            throw .enhanceYourCalm
        }
        bytes.writeBuffer(&payload)
        isComplete = head.flags.contains(.endHeaders)
    }
}

extension ByteBuffer {
    /// Of the payload of DATA or HEADERS.
    mutating func removePadding(of head: FrameHead) throws(ErrorCode) {
        guard head.flags.contains(.padded) else { return }
        guard let padding = readInteger(as: UInt8.self).map(Int.init), padding <= readableBytes,
            let rest = getSlice(at: readerIndex, length: readableBytes - padding)
        else { throw .protocolError }
        self = rest
    }
}
