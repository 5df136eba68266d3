// SPDX-License-Identifier: Apache-2.0

import Expectations
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import RPC

/// The other end of a connection as one that keeps to no rules would write it.
final class RawPeer: Sendable {
    let channel: any Channel
    private let inbox: Inbox

    /// A frame as it came.
    struct Frame: Sendable, Equatable {
        var head: FrameHead
        var payload: [UInt8]
    }

    final class Inbox: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let state = Mutex<(bytes: ByteBuffer, isClosed: Bool)>((ByteBuffer(), false))

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var new = unwrapInboundIn(data)
            state.withLock { _ = $0.bytes.writeBuffer(&new) }
        }

        func channelInactive(context: ChannelHandlerContext) { state.withLock { $0.isClosed = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        var bytes: ByteBuffer { state.withLock { $0.bytes } }
        var isClosed: Bool { state.withLock { $0.isClosed } }
    }

    /// - Parameter greets: whether it sends the preface and its settings.
    init(_ path: String, greets: Bool = true, settings: [(UInt16, UInt32)] = [], reads: Bool = true) async throws {
        let inbox = Inbox()
        self.inbox = inbox
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(inbox) }
            }
            .connect(unixDomainSocketPath: path).get()
        if greets { send(FrameReader.preface, Raw.settings(settings)) }
    }

    var isClosed: Bool { inbox.isClosed }

    /// All that came.
    var frames: [Frame] {
        var bytes = inbox.bytes
        var frames: [Frame] = []
        while let head = bytes.peekFrameHead(), bytes.readableBytes >= 9 + head.length {
            bytes.moveReaderIndex(forwardBy: 9)
            frames.append(Frame(head: head, payload: bytes.readBytes(length: head.length) ?? []))
        }
        return frames
    }

    /// A server may have had enough of it: then nothing is sent.
    func send(_ parts: [UInt8]...) {
        channel.writeAndFlush(ByteBuffer(bytes: parts.flatMap { $0 }), promise: nil)
    }

    /// Returns when the socket has taken it.
    func sendAndWait(_ bytes: [UInt8]) async { try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// The first frame that is as it should be.
    @discardableResult
    func frame(
        _ expected: String, sourceLocation: SourceLocation = #_sourceLocation, _ isIt: (Frame) -> Bool
    ) async throws -> Frame {
        try await eventually(finding: expected, within: .seconds(300), sourceLocation: sourceLocation) {
            frames.first(where: isIt)
        }
    }

    /// How a stream ends.
    func end(of stream: UInt32, sourceLocation: SourceLocation = #_sourceLocation) async throws -> End {
        try await eventually(finding: "stream \(stream) ends", within: .seconds(300), sourceLocation: sourceLocation) {
            let all = frames
            for frame in all {
                if frame.head.type == .headers, frame.head.stream == stream, frame.head.flags.contains(.endStream) {
                    return .status(Raw.status(in: frame.payload))
                }
                if frame.head.type == .reset, frame.head.stream == stream { return .reset(frame.payload.last ?? 255) }
            }
            if let frame = all.first(where: { $0.head.type == .goAway && Raw.code(of: $0) != 0 }) {
                return .goAway(Raw.code(of: frame))
            }
            return isClosed ? .closed : nil
        }
    }

    enum End: Equatable {
        /// The number of gRPC's status.
        case status(Int?)
        /// The codes are those of HTTP/2.
        case reset(UInt8)
        case goAway(UInt8)
        case closed
    }

    /// Returns when the server answers a ping: it has then handled all that came before.
    func ping(_ value: UInt8 = 1, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        send(Raw.ping([UInt8](repeating: value, count: 8)))
        try await frame("the ping is answered", sourceLocation: sourceLocation) {
            $0.head.type == .ping && $0.head.flags.contains(.acknowledged) && $0.payload.first == value
        }
    }

    func waitUntilClosed(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually("the server closes the connection", within: .seconds(300), sourceLocation: sourceLocation)
        {
            isClosed
        }
    }

    /// The code of the last GOAWAY; nil without one.
    var goAway: UInt8? { frames.last { $0.head.type == .goAway }.map(Raw.code) }

    func close() async { try? await channel.close() }

    deinit { channel.close(promise: nil) }
}

/// Bytes of HTTP/2.
enum Raw {
    static func frame(_ type: FrameType, _ flags: FrameFlags = [], _ stream: UInt32 = 0, _ payload: [UInt8] = [])
        -> [UInt8]
    {
        var buffer = ByteBuffer()
        buffer.write(FrameHead(length: payload.count, type: type, flags: flags, stream: stream))
        buffer.writeBytes(payload)
        return Array(buffer.readableBytesView)
    }

    static func settings(_ values: [(UInt16, UInt32)] = []) -> [UInt8] {
        frame(.settings, [], 0, values.flatMap { number($0.0) + number($0.1) })
    }

    static func ping(_ data: [UInt8]) -> [UInt8] { frame(.ping, [], 0, data) }
    static func reset(_ stream: UInt32, _ code: UInt32 = 8) -> [UInt8] { frame(.reset, [], stream, number(code)) }
    static func window(_ stream: UInt32, _ size: UInt32) -> [UInt8] { frame(.windowUpdate, [], stream, number(size)) }

    static func number(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    static func block(_ fields: [(String, String)]) -> [UInt8] {
        var buffer = ByteBuffer()
        for (name, value) in fields { buffer.writeField(name, value) }
        return Array(buffer.readableBytesView)
    }

    /// The fields of a call, and more of them.
    static func fields(_ path: String, _ more: [(String, String)] = [], without: Set<String> = []) -> [(String, String)]
    {
        [
            (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"), ("te", "trailers"),
            ("content-type", "application/grpc"),
        ].filter { !without.contains($0.0) } + more
    }

    static func headers(
        _ stream: UInt32, _ path: String, _ more: [(String, String)] = [], without: Set<String> = [],
        flags: FrameFlags = .endHeaders
    ) -> [UInt8] {
        frame(.headers, flags, stream, block(fields(path, more, without: without)))
    }

    static func message(_ bytes: [UInt8], flag: UInt8 = 0, length: Int? = nil) -> [UInt8] {
        [flag] + number(UInt32(length ?? bytes.count)) + bytes
    }

    static func data(_ stream: UInt32, _ bytes: [UInt8], ended: Bool = true) -> [UInt8] {
        frame(.data, ended ? .endStream : [], stream, bytes)
    }

    /// A whole call.
    static func call(_ stream: UInt32, _ path: String = "/test/Echo", _ request: String = "x") -> [UInt8] {
        headers(stream, path) + data(stream, message(Array(request.utf8)))
    }

    static func status(in block: [UInt8]) -> Int? {
        var decoder = HeaderDecoder(keepsOthers: true)
        var status: Int?
        let isRead = decoder.decode(ByteBuffer(bytes: block), limit: 1 << 20) {
            if $0.name == .grpcStatus { status = Int(String(decoding: $0.value, as: UTF8.self)) }
        }
        return isRead ? status : nil
    }

    /// The names and values of a block.
    static func text(of block: [UInt8]) -> [String] {
        var decoder = HeaderDecoder(keepsOthers: true)
        var text: [String] = []
        _ = decoder.decode(ByteBuffer(bytes: block), limit: 1 << 20) {
            text.append("\(String(decoding: $0.text, as: UTF8.self)): \(String(decoding: $0.value, as: UTF8.self))")
        }
        return text
    }

    static func code(of goAway: RawPeer.Frame) -> UInt8 { goAway.payload.count >= 8 ? goAway.payload[7] : 255 }
}
