// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The HTTP/2 of one connection (RFC 9113), all streams in one handler: no channel, no future and no task for a
/// stream. What is written in one turn of the event loop leaves in one write.
///
/// What a server and a client make of it are their own classes, whose methods are called from here.
// Unchecked: NIO calls it on its channel's event loop alone, and calls from other threads go through the loop first.
class Connection: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    static let streamWindow = 65_535
    static let connectionWindow = 1 << 20
    /// Beyond so much that waits, a stream's sender waits too.
    static let sendBuffer = 32_768
    static let maxFrame = 16_384
    static let maxHeaderList = 16_384
    static let maxContinuations = 8
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let greatestWindow = 0x7fff_ffff

    final let isServer: Bool
    final private(set) var context: ChannelHandlerContext?
    final private(set) var streams: [UInt32: Stream] = [:]
    /// The peer's SETTINGS have come.
    final private(set) var isReady = false
    /// It reads no more. What was written still leaves.
    final private(set) var isFailed = false
    final private(set) var peerMaxStreams = UInt32.max
    /// The last stream that the client has opened.
    final var lastStream: UInt32 = 0
    final var chatter: Chatter
    /// Seconds since anything came.
    final var quietSeconds = 0
    /// Seconds since a frame or a header block has begun that is not complete.
    final var partialSeconds = 0
    /// Seconds since the socket last took something, while there was something for it.
    final var unwritableSeconds = 0
    /// Frames wait in ``input`` for a turn, or until the socket takes answers again.
    final private(set) var isParked = false

    private final var input = ByteBuffer()
    private final var output = ByteBuffer()
    private final var outputHint = 512
    private final var isFlushScheduled = false
    private final var isReading = false
    private final var isReadHeld = false
    private final var needsPreface: Bool
    private final var decoder: HeaderDecoder
    private final var block: HeaderBlock?
    private final var sendWindow = 65_535
    private final var initialSendWindow = 65_535
    private final var maxSendFrame = 16_384
    private final var receiveWindow = Connection.connectionWindow
    /// Streams whose pending DATA waits for a window or for the socket.
    private final var blocked: Set<UInt32> = []

    /// A header block whose end has not come.
    private struct HeaderBlock {
        var stream: UInt32
        var flags: FrameFlags
        var bytes: ByteBuffer
        var parts = 0
    }

    init(isServer: Bool, chatterPeriod: TimeAmount = .seconds(10)) {
        self.isServer = isServer
        chatter = Chatter(period: chatterPeriod)
        needsPreface = isServer
        decoder = HeaderDecoder(keepsOthers: !isServer)
    }

    // MARK: what a server or a client makes of it

    var maxStreamsOffered: UInt32? { nil }
    /// Whether a frame may be handled in this turn. If not, ``park()`` is called.
    func mayHandle(_ head: FrameHead) -> Bool { true }
    /// Frames wait: ``takeUp()`` is to be called later, when the socket takes something.
    func park() {
        guard let context, context.channel.isWritable else { return }
        context.eventLoop.assumeIsolated().execute { self.takeUp() }
    }
    /// Room for that many bytes more that wait to be sent; negative numbers give it back.
    func hold(_ bytes: Int) -> Bool { true }
    /// A field of the head that ``received(headOf:ended:)`` then ends.
    func received(_ field: HeaderField) {}
    func received(headOf stream: UInt32, ended: Bool) throws(ErrorCode) {}
    /// - Returns: Whether the peer may send as much again at once.
    func received(_ data: inout ByteBuffer, on stream: Stream, ended: Bool) -> Bool { true }
    /// The stream has ended by a reset or with its connection. It is no longer among the streams.
    func closed(_ stream: Stream, _ code: ErrorCode) {}
    func drained(_ stream: Stream) {}
    func received(goAway last: UInt32) {}
    func received(pong: UInt64) {}
    func settingsReceived() {}
    func disconnected() {}

    // MARK: channel

    final func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start() }
    }

    final func channelActive(context: ChannelHandlerContext) {
        start()
        context.fireChannelActive()
    }

    private func start() {
        if !isServer { output.writeBytes(Self.preface) }
        var settings: [(UInt16, UInt32)] = [(6, UInt32(Self.maxHeaderList))]
        if let maxStreamsOffered { settings.append((3, maxStreamsOffered)) }
        if !isServer { settings.append((2, 0)) }
        output.write(FrameHead(length: settings.count * 6, type: .settings))
        for (key, value) in settings { output.writeMultipleIntegers(key, value) }
        writeWindowUpdate(0, Self.connectionWindow - 65_535)
        flush()
    }

    final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFailed else { return }
        var bytes = unwrapInboundIn(data)
        quietSeconds = 0
        if input.readableBytes == 0 { input = bytes } else { input.writeBuffer(&bytes) }
        isReading = true
        if !isParked { handleInput() }
    }

    final func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        flush()
        context.fireChannelReadComplete()
    }

    /// A peer that does not take its answers is not heard, nor one whose frames wait.
    final func read(context: ChannelHandlerContext) {
        if isFailed || context.channel.isWritable && !isParked { context.read() } else { isReadHeld = true }
    }

    final func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSeconds = 0
            pumpAll()
            flushSoon()
            if isParked { park() } else { readOn() }
        }
        context.fireChannelWritabilityChanged()
    }

    final func channelInactive(context: ChannelHandlerContext) {
        isFailed = true
        isParked = false
        input = ByteBuffer()
        closeStreams(.cancel)
        disconnected()
        context.fireChannelInactive()
    }

    final func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    final func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func readOn() {
        guard isReadHeld, let context else { return }
        isReadHeld = false
        context.read()
    }

    private func closeStreams(_ code: ErrorCode) {
        let open = streams
        streams = [:]
        blocked = []
        for stream in open.values {
            release(stream)
            closed(stream, code)
        }
    }

    /// The connection cannot go on: says why, and closes it.
    final func fail(_ code: ErrorCode, _ reason: String = "") {
        guard !isFailed, context != nil else { return }
        isFailed = true
        writeGoAway(isServer ? lastStream : 0, code, reason)
        closeStreams(.cancel)
        closeWhenSent()
    }

    /// Closes once the socket has taken all that was written.
    final func closeWhenSent() {
        guard let context else { return }
        isFailed = true
        isParked = false
        input = ByteBuffer()
        let promise = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
        let bytes = output
        output = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: promise)
        readOn()
    }

    final func closeNow() { context?.close(promise: nil) }

    // MARK: frames in

    /// Goes on with frames that have waited.
    final func takeUp() {
        guard isParked, let context, !isFailed else { return }
        guard context.channel.isWritable else { return }  // It is parked again once it is.
        isParked = false
        isReading = true
        handleInput()
        isReading = false
        flush()
        if !isParked { readOn() }
    }

    private func handleInput() {
        do throws(ErrorCode) {
            if needsPreface, try !readPreface() { return }
            while !isFailed, let head = input.peekFrameHead() {
                guard head.length <= Self.maxFrame else { throw .frameSize }
                guard input.readableBytes >= FrameHead.size + head.length else { break }
                // What was answered so far goes to the socket, so that it can tell whether it takes more.
                if output.readableBytes >= Self.streamWindow { flush() }
                guard context?.channel.isWritable == true, mayHandle(head) else {
                    isParked = true
                    break
                }
                input.moveReaderIndex(forwardBy: FrameHead.size)
                guard let payload = input.readSlice(length: head.length) else { break }
                partialSeconds = 0
                try receive(head, payload)
            }
        } catch {
            fail(error)
        }
        if isParked { return park() }
        // What is left is a part of a frame; it is not to hold the buffer that it came in.
        if input.readableBytes == 0 {
            input = ByteBuffer()
        } else if input.readerIndex > 0 {
            var rest = ByteBuffer()
            rest.writeBuffer(&input)
            input = rest
        }
    }

    private func readPreface() throws(ErrorCode) -> Bool {
        let have = min(input.readableBytes, Self.preface.count)
        guard input.readableBytesView.prefix(have).elementsEqual(Self.preface[..<have]) else { throw .protocolError }
        guard have == Self.preface.count else { return false }
        input.moveReaderIndex(forwardBy: have)
        needsPreface = false
        return true
    }

    /// A frame, a header block or the preface has begun and not ended.
    final var hasPartialInput: Bool { !isParked && (input.readableBytes > 0 || block != nil) }

    private func receive(_ head: FrameHead, _ payload: ByteBuffer) throws(ErrorCode) {
        guard block == nil || head.type == .continuation else { throw .protocolError }
        guard isReady || head.type == .settings else { throw .protocolError }
        var payload = payload
        let id = head.stream
        switch head.type {
        case .data: try receiveData(head, &payload)
        case .headers:
            guard id & 1 == 1, isServer || id <= lastStream else { throw .protocolError }
            try removePadding(head, &payload)
            if head.flags.contains(.priority) {
                guard payload.readInteger(as: UInt32.self).map({ $0 & 0x7fff_ffff }) != id,
                    payload.readInteger(as: UInt8.self) != nil
                else { throw .protocolError }
            }
            try receiveBlock(HeaderBlock(stream: id, flags: head.flags, bytes: payload))
        case .continuation:
            guard var open = block, open.stream == id else { throw .protocolError }
            open.parts += 1
            guard open.parts <= Self.maxContinuations,
                open.bytes.readableBytes + payload.readableBytes <= Self.maxHeaderList * 2
            else { throw .enhanceYourCalm }
            open.bytes.writeBuffer(&payload)
            if head.flags.contains(.endHeaders) { open.flags.insert(.endHeaders) }
            block = nil
            try receiveBlock(open)
        case .priority:
            guard id != 0 else { throw .protocolError }
            guard payload.readableBytes == 5 else { throw .frameSize }
            try chatter.spend(1)
        case .reset:
            guard id != 0, !isIdle(id), let code = payload.readInteger(as: UInt32.self) else { throw .protocolError }
            guard payload.readableBytes == 0 else { throw .frameSize }
            try chatter.spend(1)
            if let stream = remove(id) { closed(stream, ErrorCode(rawValue: code) ?? .internalError) }
        case .settings: try receiveSettings(head, &payload)
        case .pushPromise: throw .protocolError
        case .ping:
            guard id == 0 else { throw .protocolError }
            guard payload.readableBytes == 8, let data = payload.readInteger(as: UInt64.self) else { throw .frameSize }
            if head.flags.contains(.acknowledged) { return received(pong: data) }
            try chatter.spend(1)
            output.write(FrameHead(length: 8, type: .ping, flags: .acknowledged))
            output.writeInteger(data)
            flushSoon()
        case .goAway:
            guard id == 0, let last = payload.readInteger(as: UInt32.self) else { throw .protocolError }
            try chatter.spend(1)
            received(goAway: last & 0x7fff_ffff)
        case .windowUpdate: try receiveWindowUpdate(id, &payload)
        default: try chatter.spend(1)
        }
    }

    private func isIdle(_ id: UInt32) -> Bool { id & 1 == 0 || id > lastStream }

    private func removePadding(_ head: FrameHead, _ payload: inout ByteBuffer) throws(ErrorCode) {
        guard head.flags.contains(.padded) else { return }
        guard let padding = payload.readInteger(as: UInt8.self).map(Int.init), padding <= payload.readableBytes,
            let rest = payload.getSlice(at: payload.readerIndex, length: payload.readableBytes - padding)
        else { throw .protocolError }
        payload = rest
    }

    private func receiveBlock(_ new: HeaderBlock) throws(ErrorCode) {
        guard new.flags.contains(.endHeaders) else {
            block = new
            return
        }
        guard decoder.decode(new.bytes, limit: Self.maxHeaderList, { received($0) }) else { throw .compression }
        let ended = new.flags.contains(.endStream)
        if let stream = streams[new.stream] {
            guard !stream.isRemoteEnded else { throw .streamClosed }
            stream.isRemoteEnded = ended
            stream.idleSeconds = 0
        }
        try received(headOf: new.stream, ended: ended)
    }

    private func receiveData(_ head: FrameHead, _ payload: inout ByteBuffer) throws(ErrorCode) {
        guard head.stream != 0, !isIdle(head.stream) else { throw .protocolError }
        let size = payload.readableBytes
        receiveWindow -= size
        guard receiveWindow >= 0 else { throw .flowControl }
        if receiveWindow < Self.connectionWindow / 2 {
            writeWindowUpdate(0, Self.connectionWindow - receiveWindow)
            receiveWindow = Self.connectionWindow
        }
        try removePadding(head, &payload)
        let ended = head.flags.contains(.endStream)
        // Of no use: nothing but padding.
        if payload.readableBytes == 0, !ended { try chatter.spend(1) }
        // One that was answered early goes on for a while until the peer has heard of it.
        guard let stream = streams[head.stream] else { return }
        guard !stream.isRemoteEnded else { return reset(stream, .streamClosed) }
        stream.isRemoteEnded = ended
        stream.receiveWindow -= size
        guard stream.receiveWindow >= 0 else { return reset(stream, .flowControl) }
        stream.idleSeconds = 0
        // A stream whose call has ended in the meantime gets no more.
        if received(&payload, on: stream, ended: ended), !ended { offer(stream) }
    }

    /// Lets the peer send on a stream again as much as its window holds, less what the receiver has kept.
    final func offer(_ stream: Stream, keeping kept: Int = 0) {
        let window = Self.streamWindow - kept
        guard stream.receiveWindow < window, window - stream.receiveWindow >= Self.streamWindow / 2,
            !stream.isRemoteEnded, streams[stream.id] === stream
        else { return }
        writeWindowUpdate(stream.id, window - stream.receiveWindow)
        stream.receiveWindow = window
        flushSoon()
    }

    private func receiveSettings(_ head: FrameHead, _ payload: inout ByteBuffer) throws(ErrorCode) {
        guard head.stream == 0 else { throw .protocolError }
        if head.flags.contains(.acknowledged) {
            guard payload.readableBytes == 0 else { throw .frameSize }
            return try chatter.spend(1)
        }
        guard payload.readableBytes % 6 == 0 else { throw .frameSize }
        try chatter.spend(1 + Double(payload.readableBytes) / 120)
        while let (key, value) = payload.readMultipleIntegers(as: (UInt16, UInt32).self) {
            switch key {
            case 2: guard value <= 1 else { throw .protocolError }
            case 3: peerMaxStreams = value
            case 4:
                guard value <= Self.greatestWindow else { throw .flowControl }
                let change = Int(value) - initialSendWindow
                initialSendWindow = Int(value)
                for stream in streams.values {
                    stream.sendWindow += change
                    guard stream.sendWindow <= Self.greatestWindow else { throw .flowControl }
                }
            case 5:
                guard (16_384...16_777_215).contains(value) else { throw .protocolError }
                maxSendFrame = min(Int(value), 1 << 16)
            default: break
            }
        }
        output.write(FrameHead(length: 0, type: .settings, flags: .acknowledged))
        flushSoon()
        pumpAll()
        if !isReady {
            isReady = true
            settingsReceived()
        }
    }

    private func receiveWindowUpdate(_ id: UInt32, _ payload: inout ByteBuffer) throws(ErrorCode) {
        guard payload.readableBytes == 4, let word = payload.readInteger(as: UInt32.self) else { throw .frameSize }
        let increment = Int(word & 0x7fff_ffff)
        try chatter.spend(Chatter.windowUpdate)
        guard id != 0 else {
            guard increment > 0 else { throw .protocolError }
            sendWindow += increment
            guard sendWindow <= Self.greatestWindow else { throw .flowControl }
            return pumpAll()
        }
        guard !isIdle(id) else { throw .protocolError }
        guard let stream = streams[id] else { return }
        guard increment > 0 else { return reset(stream, .protocolError) }
        stream.sendWindow += increment
        guard stream.sendWindow <= Self.greatestWindow else { return reset(stream, .flowControl) }
        stream.idleSeconds = 0
        pump(stream)
    }

    // MARK: streams

    final func open(_ stream: Stream, ended: Bool) {
        stream.isRemoteEnded = ended
        streams[stream.id] = stream
    }

    @discardableResult
    final func remove(_ id: UInt32) -> Stream? {
        if !blocked.isEmpty { blocked.remove(id) }
        guard let stream = streams.removeValue(forKey: id) else { return nil }
        release(stream)
        return stream
    }

    private func release(_ stream: Stream) {
        guard stream.heldForPending > 0 else { return }
        _ = hold(-stream.heldForPending)
        stream.heldForPending = 0
    }

    final var newSendWindow: Int { initialSendWindow }

    /// Ends a stream at once, for both sides.
    final func reset(_ stream: Stream, _ code: ErrorCode) {
        guard remove(stream.id) != nil else { return }
        // A server resets for its client's fault, a client also for its own reasons.
        if isServer { chatter.charge() }
        writeReset(stream.id, code)
        closed(stream, code)
    }

    // MARK: frames out

    private func writeWindowUpdate(_ id: UInt32, _ increment: Int) {
        output.write(FrameHead(length: 4, type: .windowUpdate, stream: id))
        output.writeInteger(UInt32(increment))
    }

    final func writeReset(_ id: UInt32, _ code: ErrorCode) {
        output.write(FrameHead(length: 4, type: .reset, stream: id))
        output.writeInteger(code.rawValue)
        flushSoon()
    }

    final func writePing(_ data: UInt64) {
        output.write(FrameHead(length: 8, type: .ping))
        output.writeInteger(data)
        flushSoon()
    }

    final func writeGoAway(_ last: UInt32, _ code: ErrorCode, _ reason: String = "") {
        output.write(FrameHead(length: 8 + reason.utf8.count, type: .goAway))
        output.writeMultipleIntegers(last, code.rawValue)
        output.writeString(reason)
        flushSoon()
    }

    /// Whether the socket takes more. What a turn has collected goes to it in between, so that it can tell.
    private var canSend: Bool {
        if output.readableBytes >= Self.streamWindow { flush() }
        return context?.channel.isWritable == true
    }

    /// - Parameter block: Shorter than a frame may be.
    final func writeHead(_ id: UInt32, _ block: ByteBuffer, ended: Bool) {
        output.write(
            FrameHead(
                length: block.readableBytes, type: .headers, flags: ended ? [.endHeaders, .endStream] : .endHeaders,
                stream: id))
        output.writeImmutableBuffer(block)
        flushSoon()
    }

    /// Sends a message, or keeps what the windows do not take.
    ///
    /// - Returns: False where there is no room to keep it. Nothing of it was sent then.
    final func writeMessage(_ stream: Stream, _ message: [UInt8], _ ending: Stream.Ending?) -> Bool {
        let size = message.count + 5
        if stream.pending.readableBytes == 0, size <= min(stream.sendWindow, sendWindow, maxSendFrame), canSend {
            var flags: FrameFlags = []
            if case .data = ending { flags = .endStream }
            output.write(FrameHead(length: size, type: .data, flags: flags, stream: stream.id))
            output.writeMultipleIntegers(UInt8(0), UInt32(message.count))
            output.writeBytes(message)
            sent(size, on: stream)
            if case .trailers(let trailers) = ending { writeHead(stream.id, trailers, ended: true) }
            flushSoon()
            return true
        }
        guard keep(stream, message) else { return false }
        stream.ending = ending
        blocked.insert(stream.id)
        pump(stream)
        return true
    }

    private func sent(_ size: Int, on stream: Stream) {
        stream.sendWindow -= size
        sendWindow -= size
        // It is answered by updates of two windows.
        chatter.earn(2 * Chatter.windowUpdate)
    }

    private func keep(_ stream: Stream, _ message: [UInt8]) -> Bool {
        stream.pending.discardReadBytes()
        let needed = stream.pending.readableBytes + message.count + 5
        // A buffer grows to powers of two.
        let capacity = max(stream.pending.capacity, Int(UInt32(needed).nextPowerOf2()))
        guard hold(capacity - stream.heldForPending) else { return false }
        stream.heldForPending = capacity
        stream.pending.writeMultipleIntegers(UInt8(0), UInt32(message.count))
        stream.pending.writeBytes(message)
        return true
    }

    /// Ends the stream once all of it has gone.
    final func writeEnding(_ stream: Stream, _ trailers: ByteBuffer) {
        guard stream.pending.readableBytes > 0 else { return writeHead(stream.id, trailers, ended: true) }
        stream.ending = .trailers(trailers)
    }

    /// A frame of each stream in turn, so that no one of them takes the whole window.
    private func pumpAll() {
        guard !blocked.isEmpty else { return }
        var open = blocked.sorted()
        while !open.isEmpty {
            open.removeAll { id in streams[id].map { !pumpFrame($0) } ?? true }
        }
    }

    private func pump(_ stream: Stream) {
        while pumpFrame(stream) {}
    }

    /// - Returns: Whether there is more that can go.
    private func pumpFrame(_ stream: Stream) -> Bool {
        guard stream.pending.readableBytes > 0, canSend else { return false }
        let size = min(stream.pending.readableBytes, stream.sendWindow, sendWindow, maxSendFrame)
        guard size > 0, let chunk = stream.pending.readSlice(length: size) else { return false }
        let isLast = stream.pending.readableBytes == 0
        var flags: FrameFlags = []
        if isLast, case .data? = stream.ending { flags = .endStream }
        output.write(FrameHead(length: size, type: .data, flags: flags, stream: stream.id))
        output.writeImmutableBuffer(chunk)
        sent(size, on: stream)
        flushSoon()
        if isLast {
            stream.pending = ByteBuffer()
            release(stream)
            blocked.remove(stream.id)
            if case .trailers(let trailers)? = stream.ending.take() { writeHead(stream.id, trailers, ended: true) }
        }
        if stream.pending.readableBytes < Self.sendBuffer { drained(stream) }
        return !isLast && streams[stream.id] === stream
    }

    /// True once all that was written on it has left, its end too.
    final func isSent(_ stream: Stream) -> Bool { stream.pending.readableBytes == 0 }

    final func flushSoon() {
        guard !isReading, !isFlushScheduled, let context else { return }
        isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        guard let context, output.readableBytes > 0 else { return }
        let bytes = output
        outputHint = min(max(512, bytes.readableBytes), 1 << 14)
        output = context.channel.allocator.buffer(capacity: outputHint)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}

extension UInt32 {
    /// The least power of two that is not less.
    fileprivate func nextPowerOf2() -> UInt32 {
        self <= 1 ? 1 : 1 << (UInt32(bitWidth) - UInt32((self - 1).leadingZeroBitCount))
    }
}
