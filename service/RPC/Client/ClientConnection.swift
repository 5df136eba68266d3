// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The client's half of a connection.
// Unchecked, as its base: confined to its channel's event loop.
final class ClientConnection: Connection, @unchecked Sendable {
    private let client: Client
    private var status: Int?
    private var http: [UInt8] = []
    private var message: [UInt8] = []
    private var contentType: [UInt8] = []
    private var trailers: [Status.Trailer] = []
    private var heads: [String: ByteBuffer] = [:]
    /// Takes no new calls: the server has said goodbye, or the numbers are used up.
    private(set) var isLeaving = false

    init(_ client: Client) {
        self.client = client
        super.init(isServer: false)
    }

    /// What a server takes before it has said so.
    private static let streamsAtFirst = 100

    var hasRoom: Bool {
        streams.count < Int(isReady ? min(peerMaxStreams, 1 << 16) : UInt32(Self.streamsAtFirst))
    }

    func send(_ call: ClientCall) {
        let id = lastStream == 0 ? 1 : lastStream + 2
        lastStream = id
        if id > 0x7fff_fff0 { isLeaving = true }
        let stream = ClientStream(id: id, sendWindow: sending.initialWindow, call: call)
        (call.stream, call.connection) = (stream, self)
        open(stream, ended: false)
        var head = heads[call.path] ?? makeHead(call.path)
        if let deadline = call.deadline {
            head.writeField("grpc-timeout", CallTimeout.write(deadline - .now()))
        }
        output.writeHead(id, head, ended: false)
        _ = sending.send(call.message, on: stream, .data)
    }

    private func makeHead(_ path: String) -> ByteBuffer {
        // POST and http have numbers of their own (RFC 7541, appendix A).
        var head = ByteBuffer(bytes: [0x83, 0x86])
        head.writeField(":path", path)
        head.writeField(":authority", client.authority)
        head.writeField("content-type", "application/grpc")
        head.writeField("te", "trailers")
        for (name, value) in client.metadata { head.writeField(name, value) }
        heads[path] = head
        return head
    }

    override func received(_ field: HeaderField) {
        switch field.name {
        case .status: http = field.value
        case .contentType: contentType = field.value
        // A status that is no number is unknown.
        case .grpcStatus: status = Int(String(decoding: field.value, as: UTF8.self)) ?? StatusCode.unknown.rawValue
        case .grpcMessage: message = field.value
        case .other:
            let name = String(decoding: field.text, as: UTF8.self)
            if !name.hasSuffix("-bin") {
                trailers.append(Status.Trailer(name, field.value))
            } else if let value = Base64.decode(field.value) {
                trailers.append(Status.Trailer(name, value))
            }
        default: break
        }
    }

    override func received(headOf id: UInt32, ended: Bool) throws(ErrorCode) {
        defer { (status, http, message, contentType, trailers) = (nil, [], [], [], []) }
        guard let stream = streams[id] else { return }
        let mine = unsafeDowncast(stream, to: ClientStream.self)
        if let status {
            mine.status = Status(
                StatusCode(rawValue: status) ?? .unknown, PercentEncoding.decode(message), trailers: trailers)
        } else if !http.isEmpty, http.first != UInt8(ascii: "1"), http != Array("200".utf8) {
            mine.status = Self.status(ofHTTP: String(decoding: http, as: UTF8.self))
        }
        if ended { finish(mine) }
    }

    /// Source: gRPC, "HTTP to gRPC Status Code Mapping".
    private static func status(ofHTTP code: String) -> Status {
        let codes: [String: StatusCode] = [
            "400": .internalError, "401": .unauthenticated, "403": .permissionDenied, "404": .unimplemented,
            "429": .unavailable, "502": .unavailable, "503": .unavailable, "504": .unavailable,
        ]
        return Status(codes[code] ?? .unknown, "the server has answered with the HTTP status \(code)")
    }

    override func received(_ data: inout ByteBuffer, on stream: Stream, ended: Bool) -> Bool {
        let stream = unsafeDowncast(stream, to: ClientStream.self)
        if stream.body.readableBytes == 0 { stream.body = data } else { stream.body.writeBuffer(&data) }
        do throws(Status) {
            while let message = try stream.nextMessage(limit: client.limit) {
                guard stream.call.isStreaming || stream.call.waitingCount == 0 else {
                    throw Status(.internalError, "the response is more than one message")
                }
                stream.call.receive(message)
            }
        } catch {
            stream.status = error
            reset(stream, .cancel)
            return false
        }
        if ended {
            finish(stream)
            return false
        }
        if !stream.call.isStreaming { return true }
        took(from: stream)
        return false
    }

    /// Lets the server go on as far as the caller has taken its messages.
    func took(from stream: ClientStream) {
        offer(stream, keeping: min(stream.call.waitingBytes, Self.streamWindow))
    }

    private func finish(_ stream: ClientStream) {
        remove(stream.id)
        // It has an answer, and does not wait for the rest of the request.
        if stream.pending.readableBytes > 0 { output.writeReset(stream.id, .cancel) }
        chatter.earn()
        var status = stream.status ?? Status(.unknown, "the call ended without a status")
        if status.code == .ok, stream.body.readableBytes > 0 {
            status = Status(.internalError, "the response is cut short")
        }
        done(stream.call, status)
    }

    private func done(_ call: ClientCall, _ status: Status) {
        client.ended(call, status)
        client.hasRoom(on: self)
    }

    override func closed(_ stream: Stream, _ code: ErrorCode) {
        let stream = unsafeDowncast(stream, to: ClientStream.self)
        if let status = stream.status { return done(stream.call, status) }
        // Refused before anything was done: once more is safe.
        if code == .refusedStream, !stream.call.isRetried {
            stream.call.isRetried = true
            return client.send(stream.call)
        }
        done(stream.call, Self.status(of: code, isFailed: isFailed))
    }

    /// Source: gRPC over HTTP/2, "Errors".
    private static func status(of code: ErrorCode, isFailed: Bool) -> Status {
        if isFailed { return Status(.unavailable, "the connection has ended") }
        let text = "the server has ended the stream: \(code)"
        return switch code {
        case .cancel: Status(.cancelled, text)
        case .refusedStream: Status(.unavailable, text)
        case .enhanceYourCalm: Status(.resourceExhausted, text)
        default: Status(.internalError, text)
        }
    }

    override func received(goAway last: UInt32) {
        isLeaving = true
        for stream in streams.values where stream.id > last {
            remove(stream.id)
            closed(stream, .refusedStream)
        }
        client.hasRoom(on: self)
        if streams.isEmpty { closeNow() }
    }

    override func settingsReceived() {
        client.hasRoom(on: self)
    }

    override func disconnected() {
        isLeaving = true
        client.left(self)
    }

    private static let pingOfLife: UInt64 = 0x616c_6976_6500_0002

    /// Once a second. A server that is silent while calls wait is asked whether it is there.
    func tick(_ keepalive: Int) {
        countSecond()
        guard !isFailed, !streams.isEmpty else {
            quietSeconds = 0
            return
        }
        if quietSeconds == keepalive { output.writePing(Self.pingOfLife) }
        if quietSeconds > keepalive * 2 { fail(.none, "the server does not answer") }
    }
}
