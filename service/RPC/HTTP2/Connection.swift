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
    static let maxHeaderList = 16_384

    final let isServer: Bool
    final private(set) var context: ChannelHandlerContext?
    final let output = Output()
    final private(set) lazy var sending = SendQueue(self, output)
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

    private final var input: FrameReader
    private final var isReadHeld = false
    private final var decoder: HeaderDecoder
    /// A header block whose end has not come.
    private final var block: HeaderBlock?
    private final var receiveWindow = Connection.connectionWindow
    final var unfinished = UnfinishedStreams()

    init(isServer: Bool, chatterPeriod: TimeAmount = .seconds(10)) {
        self.isServer = isServer
        chatter = Chatter(period: chatterPeriod)
        input = FrameReader(needsPreface: isServer)
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
        output.context = context
        if context.channel.isActive { start() }
    }

    final func channelActive(context: ChannelHandlerContext) {
        start()
        context.fireChannelActive()
    }

    private func start() {
        if !isServer { output.writePreface() }
        var settings: [(UInt16, UInt32)] = [(6, UInt32(Self.maxHeaderList))]
        if let maxStreamsOffered { settings.append((3, maxStreamsOffered)) }
        if !isServer { settings.append((2, 0)) }
        output.writeSettings(settings)
        output.writeWindowUpdate(0, Self.connectionWindow - 65_535)
        output.flush()
    }

    final func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isFailed else { return }
        var bytes = unwrapInboundIn(data)
        quietSeconds = 0
        input.append(&bytes)
        output.isHeld = true
        if !isParked { handleInput() }
    }

    final func channelReadComplete(context: ChannelHandlerContext) {
        output.isHeld = false
        output.flush()
        context.fireChannelReadComplete()
    }

    /// A peer that does not take its answers is not heard, nor one whose frames wait.
    final func read(context: ChannelHandlerContext) {
        if isFailed || context.channel.isWritable && !isParked { context.read() } else { isReadHeld = true }
    }

    final func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            unwritableSeconds = 0
            sending.pumpAll()
            output.flushSoon()
            if isParked { park() } else { readOn() }
        }
        context.fireChannelWritabilityChanged()
    }

    final func channelInactive(context: ChannelHandlerContext) {
        isFailed = true
        isParked = false
        input.clear()
        closeStreams(.cancel)
        disconnected()
        context.fireChannelInactive()
    }

    final func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        output.context = nil
    }

    final func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func readOn() {
        guard isReadHeld, let context else { return }
        isReadHeld = false
        context.read()
    }

    private func closeStreams(_ code: ErrorCode) {
        let open = streams
        streams = [:]
        for stream in open.values {
            sending.forget(stream)
            closed(stream, code)
        }
    }

    /// The connection cannot go on: says why, and closes it.
    final func fail(_ code: ErrorCode, _ reason: String = "") {
        guard !isFailed, context != nil else { return }
        isFailed = true
        output.writeGoAway(isServer ? lastStream : 0, code, reason)
        closeStreams(.cancel)
        closeWhenSent()
    }

    /// Closes once the socket has taken all that was written.
    final func closeWhenSent() {
        guard let context else { return }
        isFailed = true
        isParked = false
        input.clear()
        let promise = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        promise.futureResult.whenComplete { _ in channel.close(promise: nil) }
        output.flush(promise)
        readOn()
    }

    final func closeNow() { context?.close(promise: nil) }

    // MARK: frames in

    /// Goes on with frames that have waited.
    final func takeUp() {
        guard isParked, let context, !isFailed else { return }
        guard context.channel.isWritable else { return }  // It is parked again once it is.
        isParked = false
        output.isHeld = true
        handleInput()
        output.isHeld = false
        output.flush()
        if !isParked { readOn() }
    }

    private func handleInput() {
        do throws(ErrorCode) {
            while !isFailed, let head = try input.next() {
                guard output.takesMore, mayHandle(head) else {
                    isParked = true
                    break
                }
                let payload = input.takePayload(of: head)
                partialSeconds = 0
                try receive(head, payload)
            }
        } catch {
            fail(error)
        }
        if isParked { return park() }
        input.shrink()
    }

    /// A frame, a header block or the preface has begun and not ended.
    final var hasPartialInput: Bool { !isParked && (!input.isEmpty || block != nil) }

    private func receive(_ head: FrameHead, _ payload: ByteBuffer) throws(ErrorCode) {
        guard block == nil || head.type == .continuation else { throw .protocolError }
        guard isReady || head.type == .settings else { throw .protocolError }
        var payload = payload
        let id = head.stream
        switch head.type {
        case .data: try receiveData(head, &payload)
        case .headers:
            guard id & 1 == 1, isServer || id <= lastStream else { throw .protocolError }
            try receiveBlock(try HeaderBlock(head, &payload))
        case .continuation:
            guard var open = block, open.stream == id else { throw .protocolError }
            try open.add(head, &payload, limit: Self.maxHeaderList * 2)
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
            unfinished.remove(id)
            if let stream = remove(id, isFinished: true) { closed(stream, ErrorCode(rawValue: code) ?? .internalError) }
        case .settings: try receiveSettings(head, &payload)
        case .pushPromise: throw .protocolError
        case .ping:
            guard id == 0 else { throw .protocolError }
            guard payload.readableBytes == 8, let data = payload.readInteger(as: UInt64.self) else { throw .frameSize }
            if head.flags.contains(.acknowledged) { return received(pong: data) }
            try chatter.spend(1)
            output.writePing(data, .acknowledged)
        case .goAway:
            guard id == 0, let last = payload.readInteger(as: UInt32.self) else { throw .protocolError }
            try chatter.spend(1)
            received(goAway: last & 0x7fff_ffff)
        case .windowUpdate: try receiveWindowUpdate(id, &payload)
        default: try chatter.spend(1)
        }
    }

    private func isIdle(_ id: UInt32) -> Bool { id & 1 == 0 || id > lastStream }

    private func receiveBlock(_ new: HeaderBlock) throws(ErrorCode) {
        guard new.isComplete else {
            block = new
            return
        }
        let ended = new.endsStream
        let isLate = streams[new.stream] == nil && new.stream <= lastStream
        guard !isLate || unfinished.contains(new.stream) else { throw .protocolError }
        let isRead = decoder.decode(new.bytes, limit: Self.maxHeaderList) { if !isLate { received($0) } }
        guard isRead else { throw .compression }
        if isLate {
            if ended { unfinished.remove(new.stream) }
            return try chatter.spend(1)
        }
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
            output.writeWindowUpdate(0, Self.connectionWindow - receiveWindow)
            receiveWindow = Self.connectionWindow
        }
        try payload.removePadding(of: head)
        let ended = head.flags.contains(.endStream)
        // Of no use: nothing but padding.
        if payload.readableBytes == 0, !ended { try chatter.spend(1) }
        // One that was answered early goes on for a while until the peer has heard of it.
        guard let stream = streams[head.stream] else {
            guard unfinished.contains(head.stream) else { throw .streamClosed }
            if ended { unfinished.remove(head.stream) }
            return
        }
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
        output.writeWindowUpdate(stream.id, window - stream.receiveWindow)
        stream.receiveWindow = window
        output.flushSoon()
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
            case 4: try sending.setInitialWindow(value, of: streams.values)
            case 5: try sending.setMaxFrame(value)
            default: break
            }
        }
        output.writeSettings([], .acknowledged)
        output.flushSoon()
        sending.pumpAll()
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
            return try sending.widen(by: increment)
        }
        guard !isIdle(id) else { throw .protocolError }
        guard let stream = streams[id] else { return }
        guard increment > 0 else { return reset(stream, .protocolError) }
        guard sending.widen(stream, by: increment) else { return reset(stream, .flowControl) }
        stream.idleSeconds = 0
        sending.pump(stream)
    }

    // MARK: streams

    final func open(_ stream: Stream, ended: Bool) {
        stream.isRemoteEnded = ended
        streams[stream.id] = stream
    }

    /// - Parameter isFinished: The peer sends nothing more on it, even if it has not said all.
    @discardableResult
    final func remove(_ id: UInt32, isFinished: Bool = false) -> Stream? {
        guard let stream = streams.removeValue(forKey: id) else { return nil }
        if !stream.isRemoteEnded, !isFinished { unfinished.insert(id) }
        sending.forget(stream)
        return stream
    }

    /// Ends a stream at once, for both sides.
    final func reset(_ stream: Stream, _ code: ErrorCode) {
        guard remove(stream.id) != nil else { return }
        // A server resets for its client's fault, a client also for its own reasons.
        if isServer { chatter.charge() }
        output.writeReset(stream.id, code)
        closed(stream, code)
    }
}
