// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Flow control of what a connection sends (RFC 9113, section 5.2): messages go out as far as the windows and the socket
/// take them, and the rest waits with its stream. Confined to the connection's event loop.
final class SendQueue {
    /// Beyond so much that waits, a stream's sender waits too.
    static let enough = 32_768
    private static let greatestWindow = 0x7fff_ffff

    private unowned let connection: Connection
    private let output: Output
    private var window = 65_535
    /// Of streams to come.
    private(set) var initialWindow = 65_535
    private var maxFrame = 16_384
    /// Streams whose pending DATA waits.
    private var waiting: [UInt32: Stream] = [:]

    init(_ connection: Connection, _ output: Output) { (self.connection, self.output) = (connection, output) }

    // MARK: what the peer allows

    func setInitialWindow(_ value: UInt32, of streams: some Sequence<Stream>) throws(ErrorCode) {
        guard value <= Self.greatestWindow else { throw .flowControl }
        let change = Int(value) - initialWindow
        initialWindow = Int(value)
        for stream in streams {
            guard widen(stream, by: change) else { throw .flowControl }
        }
    }

    func setMaxFrame(_ value: UInt32) throws(ErrorCode) {
        guard (16_384...16_777_215).contains(value) else { throw .protocolError }
        maxFrame = min(Int(value), 1 << 16)
    }

    func widen(by increment: Int) throws(ErrorCode) {
        window += increment
        guard window <= Self.greatestWindow else { throw .flowControl }
        pumpAll()
    }

    /// - Returns: False where a window would be larger than one may be.
    func widen(_ stream: Stream, by increment: Int) -> Bool {
        stream.sendWindow += increment
        return stream.sendWindow <= Self.greatestWindow
    }

    // MARK: messages

    /// Sends a message, or keeps what the windows do not take.
    ///
    /// - Returns: False where there is no room to keep it. Nothing of it was sent then.
    func send(_ message: [UInt8], on stream: Stream, _ ending: Stream.Ending?) -> Bool {
        let size = message.count + 5
        if stream.pending.readableBytes == 0, size <= min(stream.sendWindow, window, maxFrame), output.takesMore {
            var isEnd = false
            if case .data = ending { isEnd = true }
            output.writeData(stream.id, message: message, ended: isEnd)
            sent(size, on: stream)
            if case .trailers(let trailers) = ending { output.writeHead(stream.id, trailers, ended: true) }
            return true
        }
        guard keep(message, for: stream) else { return false }
        stream.ending = ending
        waiting[stream.id] = stream
        pump(stream)
        return true
    }

    /// Ends the stream once all of it has gone.
    func end(_ stream: Stream, _ trailers: ByteBuffer) {
        guard stream.pending.readableBytes > 0 else { return output.writeHead(stream.id, trailers, ended: true) }
        stream.ending = .trailers(trailers)
    }

    /// True once all that was written on it has left, its end too.
    func isSent(_ stream: Stream) -> Bool { stream.pending.readableBytes == 0 }

    /// The stream is no more; what waits of it is not sent.
    func forget(_ stream: Stream) {
        if !waiting.isEmpty { waiting[stream.id] = nil }
        release(stream)
    }

    private func keep(_ message: [UInt8], for stream: Stream) -> Bool {
        stream.pending.discardReadBytes()
        let needed = stream.pending.readableBytes + message.count + 5
        // A buffer grows to powers of two.
        let capacity = max(stream.pending.capacity, needed.roundedUpToPowerOf2)
        guard connection.hold(capacity - stream.heldForPending) else { return false }
        stream.heldForPending = capacity
        stream.pending.write(message: message)
        return true
    }

    private func release(_ stream: Stream) {
        guard stream.heldForPending > 0 else { return }
        _ = connection.hold(-stream.heldForPending)
        stream.heldForPending = 0
    }

    private func sent(_ size: Int, on stream: Stream) {
        stream.sendWindow -= size
        window -= size
        // It is answered by updates of two windows.
        connection.chatter.earn(2 * Chatter.windowUpdate)
    }

    // MARK: what waits

    /// A frame of each stream in turn, so that no one of them takes the whole window.
    func pumpAll() {
        guard !waiting.isEmpty else { return }
        var open = waiting.keys.sorted()
        while !open.isEmpty {
            open.removeAll { id in waiting[id].map { !pumpFrame($0) } ?? true }
        }
    }

    func pump(_ stream: Stream) {
        while pumpFrame(stream) {}
    }

    /// - Returns: Whether there is more that can go.
    private func pumpFrame(_ stream: Stream) -> Bool {
        guard stream.pending.readableBytes > 0, output.takesMore else { return false }
        let size = min(stream.pending.readableBytes, stream.sendWindow, window, maxFrame)
        guard size > 0, let chunk = stream.pending.readSlice(length: size) else { return false }
        let isLast = stream.pending.readableBytes == 0
        var isEnd = false
        if isLast, case .data? = stream.ending { isEnd = true }
        output.writeData(stream.id, chunk, ended: isEnd)
        sent(size, on: stream)
        if isLast {
            stream.pending = ByteBuffer()
            forget(stream)
            if case .trailers(let trailers)? = stream.ending.take() {
                output.writeHead(stream.id, trailers, ended: true)
            }
        }
        if stream.pending.readableBytes < Self.enough { connection.drained(stream) }
        return !isLast && waiting[stream.id] === stream
    }
}

extension Int {
    /// The least power of two that is not less.
    var roundedUpToPowerOf2: Int { self <= 1 ? 1 : 1 << (bitWidth - (self - 1).leadingZeroBitCount) }
}
