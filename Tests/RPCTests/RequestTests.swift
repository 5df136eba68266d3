// SPDX-License-Identifier: Apache-2.0

import Expectations
import Testing

@testable import RPC

/// What a server makes of requests that are not as they should be.
@Suite(.timeLimit(.minutes(10))) struct RequestTests {
    /// The end of a call with these headers and this body, and the fields of its last block.
    private static func outcome(
        _ more: [(String, String)] = [], without: Set<String> = [], path: String = "/test/Echo",
        body: [UInt8]? = Raw.message([1])
    ) async throws -> (end: RawPeer.End, fields: [String]) {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            if let body {
                peer.send(Raw.headers(1, path, more, without: without), Raw.data(1, body))
            } else {
                peer.send(Raw.headers(1, path, more, without: without, flags: [.endHeaders, .endStream]))
            }
            let end = try await peer.end(of: 1)
            let last = peer.frames.last { $0.head.type == .headers && $0.head.stream == 1 }
            // The connection is none the worse, where the request was at fault.
            if end != .closed, peer.goAway == nil {
                peer.send(Raw.call(3))
                #expect(try await peer.end(of: 3) == .status(0))
            }
            return (end, last.map { Raw.text(of: $0.payload) } ?? [])
        }
    }

    private static func number(_ code: StatusCode) -> RawPeer.End { .status(code.rawValue) }

    @Test func anotherMethodOfHTTPIs405() async throws {
        for method in ["GET", "HEAD", "PUT", "CONNECT", "post", ""] {
            let fields = [(":method", method)] + Raw.fields("/test/Echo", without: [":method"])
            try await withServer { server in
                let peer = try await RawPeer(server.path)
                peer.send(Raw.frame(.headers, .endHeaders, 1, Raw.block(fields)))
                let end = try await peer.end(of: 1)
                #expect(end == Self.number(.internalError))
                let block = try await peer.frame("the answer") { $0.head.type == .headers }
                #expect(Raw.text(of: block.payload).contains(":status: 405"))
            }
        }
    }

    @Test(arguments: ["application/json", "text/plain", "", "application/grpcx", "Application/grpc", "application/grp"])
    func anotherContentTypeIs415(_ type: String) async throws {
        let (end, fields) = try await Self.outcome([("content-type", type)], without: ["content-type"])
        #expect(end == Self.number(.internalError) && fields.contains(":status: 415"))
    }

    @Test func noContentTypeIs415() async throws {
        let (_, fields) = try await Self.outcome(without: ["content-type"])
        #expect(fields.contains(":status: 415"))
    }

    @Test(arguments: ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"])
    func gRPCsContentTypesAreTaken(_ type: String) async throws {
        #expect(try await Self.outcome([("content-type", type)], without: ["content-type"]).end == Self.number(.ok))
    }

    @Test(arguments: ["gzip", "deflate", "snappy", "identity,gzip", ""])
    func compressionIsUnimplementedAndSaysWhatIsAccepted(_ encoding: String) async throws {
        let (end, fields) = try await Self.outcome([("grpc-encoding", encoding)])
        #expect(end == Self.number(.unimplemented) && fields.contains("grpc-accept-encoding: identity"))
    }

    @Test func identityIsNoCompression() async throws {
        #expect(try await Self.outcome([("grpc-encoding", "identity")]).end == Self.number(.ok))
    }

    @Test(arguments: ["a\r\nb: c", "a\rb", "a\nb", "a\0b", "\r\n"])
    func aValueWithLineBreaksIsRefused(_ value: String) async throws {
        #expect(try await Self.outcome([("x", value)]).end == .reset(1))
        #expect(try await Self.outcome([("user-agent", value)]).end == .reset(1))
    }

    /// The table of the connection keeps that it is none.
    @Test func aValueWithLineBreaksIsRefusedFromTheTableToo() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            let field: [UInt8] = [0x40] + Raw.block([("x", "a\nb")]).dropFirst()
            let usual = Raw.block(Raw.fields("/test/Echo"))
            peer.send(Raw.frame(.headers, .endHeaders, 1, usual + field))
            #expect(try await peer.end(of: 1) == .reset(1))
            peer.send(Raw.frame(.headers, .endHeaders, 3, usual + [0xbe]))
            #expect(try await peer.end(of: 3) == .reset(1))
            // Its name is a name like any other.
            peer.send(
                Raw.frame(.headers, .endHeaders, 5, usual + [0x7e, 1, 0x62]), Raw.data(5, Raw.message([])))
            #expect(try await peer.end(of: 5) == .status(0))
        }
    }

    static let malformed: [(String, [(String, String)], Set<String>)] = [
        ("no path", [], [":path"]), ("two paths", [(":path", "/test/Echo")], []), ("no method", [], [":method"]),
        ("no scheme", [], [":scheme"]), ("a status", [(":status", "200")], []),
        ("an unknown pseudo field", [(":protocol", "x")], []),
        ("a pseudo field last", [("a", "b"), (":path", "/")], []),
        ("another te", [("te", "gzip")], ["te"]), ("connection", [("connection", "close")], []),
        ("upper case", [("X-Upper", "x")], []), ("an empty name", [("", "x")], []), ("a blank", [("a b", "x")], []),
        ("a length that is no number", [("content-length", "-1")], []),
        ("a length of nothing", [("content-length", "")], []),
        ("two lengths", [("content-length", "6"), ("content-length", "6")], []),
        ("a huge length", [("content-length", "99999999999999999999")], []),
        ("a greater length", [("content-length", "7")], []), ("a smaller length", [("content-length", "5")], []),
    ]

    @Test(arguments: malformed) func aMalformedRequestEndsItsStreamAlone(
        _ name: String, _ more: [(String, String)], _ without: Set<String>
    ) async throws {
        #expect(try await Self.outcome(more, without: without).end == .reset(1), "\(name)")
    }

    @Test func theRightLengthIsTaken() async throws {
        #expect(try await Self.outcome([("content-length", "6")]).end == Self.number(.ok))
    }

    @Test func aLengthWithoutABodyIsMalformed() async throws {
        #expect(try await Self.outcome([("content-length", "5")], body: nil).end == .reset(1))
    }

    static let bodies: [(String, [UInt8], StatusCode)] = [
        ("nothing", [], .invalidArgument), ("one byte", [0], .invalidArgument),
        ("a prefix cut off", [0, 0, 0], .invalidArgument),
        ("cut off", Raw.message([1, 2, 3]).dropLast(), .invalidArgument),
        ("longer than it says", Raw.message([1, 2, 3], length: 1), .internalError),
        ("two messages", Raw.message([1]) + Raw.message([2]), .internalError),
        ("a length of 4 GiB", Raw.message([], length: 0xffff_ffff), .resourceExhausted),
        ("a length over the limit", Raw.message([], length: 4 << 20 + 1), .resourceExhausted),
        ("compressed", Raw.message([1], flag: 1), .unimplemented),
        ("an unknown flag", Raw.message([1], flag: 2), .internalError),
        ("an empty message", Raw.message([]), .ok),
    ]

    @Test(arguments: bodies) func aBodyIsOneMessage(_ name: String, _ body: [UInt8], _ code: StatusCode) async throws {
        #expect(try await Self.outcome(body: body).end == Self.number(code), "\(name)")
    }

    /// Today's proxy never answered it.
    @Test func aRequestWithoutAMessageIsAnswered() async throws {
        #expect(try await Self.outcome(body: nil).end == Self.number(.invalidArgument))
        #expect(try await Self.outcome(path: "/test/None", body: nil).end == Self.number(.unimplemented))
    }

    @Test func headersBeyondTheLimitAreAStatus() async throws {
        let many = (0..<20).map { ("x\($0)", String(repeating: "v", count: 700)) }
        #expect(try await Self.outcome(many).end == Self.number(.ok))
        let more = (0..<22).map { ("x\($0)", String(repeating: "v", count: 710)) }
        #expect(try await Self.outcome(more).end == Self.number(.resourceExhausted))
    }

    @Test func aBodyInManyFramesIsTheSameMessage() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            let message = Raw.message((0..<1_000).map { UInt8(truncatingIfNeeded: $0) })
            peer.send(Raw.headers(1, "/test/Echo"))
            for (index, byte) in message.enumerated() {
                peer.send(Raw.data(1, [byte], ended: index == message.count - 1))
            }
            #expect(try await peer.end(of: 1) == .status(0))
            let response = peer.frames.filter { $0.head.type == .data }.flatMap(\.payload)
            #expect(response == message)
        }
    }

    @Test func aHeaderBlockInManyFramesIsTheSame() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            let block = Raw.block(Raw.fields("/test/Echo"))
            peer.send(
                Raw.frame(.headers, [], 1, Array(block[..<7])), Raw.frame(.continuation, [], 1, Array(block[7..<20])),
                Raw.frame(.continuation, [], 1), Raw.frame(.continuation, .endHeaders, 1, Array(block[20...])),
                Raw.data(1, Raw.message([])))
            #expect(try await peer.end(of: 1) == .status(0))
        }
    }

    @Test func paddingAndPrioritiesAreTakenOff() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            let block = Raw.block(Raw.fields("/test/Echo"))
            peer.send(
                Raw.frame(
                    .headers, [.endHeaders, .padded, .priority], 1, [3, 0, 0, 0, 0, 15] + block + [0, 0, 0]),
                Raw.frame(.data, [.padded, .endStream], 1, [2] + Raw.message([9]) + [0, 0]))
            #expect(try await peer.end(of: 1) == .status(0))
        }
    }

    /// A caller without a rule is refused before anything of its request is kept.
    @Test func aCallerWithoutRightsIsRefusedAtTheHeaders() async throws {
        try await withServer(gate: RecordingGate(strangers: [66])) { server in
            server.connections(are: Peer(pid: 7, uid: 66, gid: 66))
            let peer = try await RawPeer(server.path)
            // No body comes, and none is waited for.
            peer.send(Raw.headers(1, "/test/Echo", [("grpc-timeout", "-1S"), ("grpc-encoding", "gzip")]))
            #expect(try await peer.end(of: 1) == Self.number(.permissionDenied))
            for stream in stride(from: UInt32(3), through: 401, by: 2) {
                peer.send(
                    Raw.headers(stream, "/test/Echo"), Raw.data(stream, Raw.message([], length: 4 << 20), ended: false))
            }
            #expect(try await peer.end(of: 401) == Self.number(.permissionDenied))
            #expect(try await server.server.heldBytes == 0)
            #expect(server.gate.ended.allSatisfy { $0 == .permissionDenied } && server.gate.ended.count == 201)
        }
    }
}
