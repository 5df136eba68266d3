// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The frames that a connection sends. Those of one turn of the event loop leave in one write. Confined to the loop.
final class Output {
    /// Of what a turn has collected; then it goes to the socket, so that it can tell whether it takes more.
    private static let most = 65_536

    var context: ChannelHandlerContext?
    /// Input is being handled: what is written leaves after it.
    var isHeld = false

    private var bytes = ByteBuffer()
    private var hint = 512
    private var isScheduled = false

    /// Whether the socket takes more.
    var takesMore: Bool {
        if bytes.readableBytes >= Self.most { flush() }
        return context?.channel.isWritable == true
    }

    func flushSoon() {
        guard !isHeld, !isScheduled, let context else { return }
        isScheduled = true
        context.eventLoop.assumeIsolated().execute { self.flush() }
    }

    func flush() {
        isScheduled = false
        guard bytes.readableBytes > 0 else { return }
        flush(nil)
    }

    /// - Parameter promise: Of when all has left.
    func flush(_ promise: EventLoopPromise<Void>?) {
        guard let context else { return }
        let sent = bytes
        hint = min(max(512, sent.readableBytes), 1 << 14)
        bytes = context.channel.allocator.buffer(capacity: hint)
        context.writeAndFlush(NIOAny(sent), promise: promise)
    }

    // MARK: frames

    func writePreface() { bytes.writeBytes(FrameReader.preface) }

    func writeSettings(_ settings: [(UInt16, UInt32)], _ flags: FrameFlags = []) {
        bytes.write(FrameHead(length: settings.count * 6, type: .settings, flags: flags))
        for (key, value) in settings { bytes.writeMultipleIntegers(key, value) }
    }

    func writeWindowUpdate(_ id: UInt32, _ increment: Int) {
        bytes.write(FrameHead(length: 4, type: .windowUpdate, stream: id))
        bytes.writeInteger(UInt32(increment))
    }

    func writeReset(_ id: UInt32, _ code: ErrorCode) {
        bytes.write(FrameHead(length: 4, type: .reset, stream: id))
        bytes.writeInteger(code.rawValue)
        flushSoon()
    }

    func writePing(_ data: UInt64, _ flags: FrameFlags = []) {
        bytes.write(FrameHead(length: 8, type: .ping, flags: flags))
        bytes.writeInteger(data)
        flushSoon()
    }

    func writeGoAway(_ last: UInt32, _ code: ErrorCode, _ reason: String = "") {
        bytes.write(FrameHead(length: 8 + reason.utf8.count, type: .goAway))
        bytes.writeMultipleIntegers(last, code.rawValue)
        bytes.writeString(reason)
        flushSoon()
    }

    /// - Parameter block: Shorter than a frame may be.
    func writeHead(_ id: UInt32, _ block: ByteBuffer, ended: Bool) {
        let flags: FrameFlags = ended ? [.endHeaders, .endStream] : .endHeaders
        bytes.write(FrameHead(length: block.readableBytes, type: .headers, flags: flags, stream: id))
        bytes.writeImmutableBuffer(block)
        flushSoon()
    }

    func writeData(_ id: UInt32, _ chunk: ByteBuffer, ended: Bool) {
        bytes.write(
            FrameHead(length: chunk.readableBytes, type: .data, flags: ended ? .endStream : [], stream: id))
        bytes.writeImmutableBuffer(chunk)
        flushSoon()
    }

    /// A whole message as one frame.
    func writeData(_ id: UInt32, message: [UInt8], ended: Bool) {
        bytes.write(FrameHead(length: message.count + 5, type: .data, flags: ended ? .endStream : [], stream: id))
        bytes.write(message: message)
        flushSoon()
    }
}
