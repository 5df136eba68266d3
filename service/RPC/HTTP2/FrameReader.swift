// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Takes the bytes of a connection apart into frames.
struct FrameReader {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// Of a payload that is received: what HTTP/2 allows unless a SETTINGS says more.
    private static let maxFrame = 16_384

    private var bytes = ByteBuffer()
    private var needsPreface: Bool

    init(needsPreface: Bool) { self.needsPreface = needsPreface }

    var isEmpty: Bool { bytes.readableBytes == 0 }

    mutating func append(_ more: inout ByteBuffer) {
        if isEmpty { bytes = more } else { bytes.writeBuffer(&more) }
    }

    mutating func clear() { bytes = ByteBuffer() }

    /// The head of the next frame, if all of it has come. The frame stays until ``takePayload(of:)``.
    mutating func next() throws(ErrorCode) -> FrameHead? {
        if needsPreface, try !readPreface() { return nil }
        guard let head = bytes.peekFrameHead() else { return nil }
        guard head.length <= Self.maxFrame else { throw .frameSize }
        return bytes.readableBytes >= FrameHead.size + head.length ? head : nil
    }

    mutating func takePayload(of head: FrameHead) -> ByteBuffer {
        bytes.moveReaderIndex(forwardBy: FrameHead.size)
        return bytes.readSlice(length: head.length) ?? ByteBuffer()
    }

    private mutating func readPreface() throws(ErrorCode) -> Bool {
        let have = min(bytes.readableBytes, Self.preface.count)
        guard bytes.readableBytesView.prefix(have).elementsEqual(Self.preface[..<have]) else { throw .protocolError }
        guard have == Self.preface.count else { return false }
        bytes.moveReaderIndex(forwardBy: have)
        needsPreface = false
        return true
    }

    /// What is left is a part of a frame; it is not to hold the buffer that it came in.
    mutating func shrink() {
        if isEmpty {
            bytes = ByteBuffer()
        } else if bytes.readerIndex > 0 {
            var rest = ByteBuffer()
            rest.writeBuffer(&bytes)
            bytes = rest
        }
    }
}
