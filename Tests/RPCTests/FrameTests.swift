// SPDX-License-Identifier: Apache-2.0

import Expectations
import Testing

@testable import RPC

/// Frames that break the protocol, and how they end the connection (RFC 9113).
@Suite(.timeLimit(.minutes(10))) struct FrameTests {
    private static let call = Raw.headers(1, "/test/Hang") + Raw.data(1, Raw.message([]), ended: false)

    /// The code of HTTP/2 with which the connection ends.
    static let violations: [(String, [UInt8], UInt8)] = [
        ("data before headers", Raw.data(1, []), 1), ("data on stream 0", Raw.data(0, []), 1),
        ("headers on stream 0", Raw.headers(0, "/test/Echo"), 1), ("headers on an even stream", Raw.headers(2, "/"), 1),
        ("a push promise", Raw.frame(.pushPromise, .endHeaders, 1, [0, 0, 0, 2]), 1),
        ("continuation of nothing", Raw.frame(.continuation, .endHeaders, 1), 1),
        ("another frame within a block", Raw.headers(1, "/", flags: []) + Raw.ping([UInt8](repeating: 0, count: 8)), 1),
        (
            "continuation of another stream", Raw.headers(1, "/", flags: []) + Raw.frame(.continuation, .endHeaders, 3),
            1
        ),
        ("a reset of stream 0", Raw.reset(0), 1), ("a reset of an idle stream", Raw.reset(5), 1),
        ("a reset of 3 bytes", call + Raw.frame(.reset, [], 1, [0, 0, 0]), 1),
        ("a reset of 5 bytes", call + Raw.frame(.reset, [], 1, [0, 0, 0, 0, 0]), 6),
        ("settings on a stream", Raw.frame(.settings, [], 1), 1),
        ("settings of 5 bytes", Raw.frame(.settings, [], 0, [0, 1, 0, 0, 0]), 6),
        ("an acknowledgement with bytes", Raw.frame(.settings, .acknowledged, 0, [0, 1, 0, 0, 0, 0]), 6),
        ("push of 2", Raw.settings([(2, 2)]), 1), ("a window of 2 GiB", Raw.settings([(4, 0x8000_0000)]), 3),
        ("frames of 16 bytes", Raw.settings([(5, 16)]), 1), ("frames of 16 MiB", Raw.settings([(5, 1 << 24)]), 1),
        ("a ping of 7 bytes", Raw.ping([1, 2, 3, 4, 5, 6, 7]), 6),
        ("a ping on a stream", Raw.frame(.ping, [], 1, [UInt8](repeating: 0, count: 8)), 1),
        ("a goaway on a stream", Raw.frame(.goAway, [], 1, [UInt8](repeating: 0, count: 8)), 1),
        ("a goaway of 3 bytes", Raw.frame(.goAway, [], 0, [0, 0, 0]), 1),
        ("a window update of 0", Raw.window(0, 0), 1),
        ("a window update of 3 bytes", Raw.frame(.windowUpdate, [], 0, [0, 0, 1]), 6),
        ("a window beyond the greatest", Raw.window(0, 0x7fff_ffff), 3),
        ("a window of an idle stream", Raw.window(9, 1), 1),
        ("a priority of 4 bytes", Raw.frame(.priority, [], 1, [0, 0, 0, 0]), 6),
        ("a priority of stream 0", Raw.frame(.priority, [], 0, [0, 0, 0, 0, 0]), 1),
        ("a priority on itself", Raw.frame(.headers, [.endHeaders, .priority], 1, [0, 0, 0, 1, 0]), 1),
        ("more padding than bytes", call + Raw.frame(.data, .padded, 1, [5, 0]), 1),
        ("padding without its length", call + Raw.frame(.data, .padded, 1), 1),
        ("a frame of 16 KiB and 1", [0, 0x40, 1, 0, 0, 0, 0, 0, 1], 6),
        ("a malformed block", Raw.frame(.headers, .endHeaders, 1, [0x80]), 9),
        ("a lower number than before", Raw.call(5) + Raw.headers(3, "/test/Echo"), 1),
        ("data after an answered call", Raw.call(1) + Raw.data(1, [1]), 5),
        ("headers after an answered call", Raw.call(1) + Raw.headers(1, "/test/Echo"), 1),
        ("data after a reset", call + Raw.reset(1) + Raw.data(1, [1]), 5),
        (
            "data after the end of a refused call",
            Raw.headers(1, "/test/None") + Raw.data(1, [1]) + Raw.data(1, [1]), 5
        ),
        (
            "headers after the end",
            Raw.headers(1, "/test/Hang") + Raw.data(1, Raw.message([])) + Raw.headers(1, "/test/Hang"), 5
        ),
    ]

    @Test(arguments: violations) func aViolationEndsTheConnectionWithItsCode(
        _ name: String, _ sent: [UInt8], _ code: UInt8
    ) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(sent)
            try await peer.waitUntilClosed()
            #expect(peer.goAway == code, "\(name)")
            try await eventually("nothing is left of it") { try await server.server.connectionCount == 0 }
            #expect(try await server.server.heldBytes == 0)
        }
    }

    @Test(
        arguments: [
            ("a window of the stream of 0", Raw.window(1, 0), 1),
            ("a window beyond the greatest", Raw.window(1, 0x7fff_ffff), 3),
            ("trailers with a path", Raw.headers(1, "/x", flags: [.endHeaders, .endStream]), 1),
            ("headers that end nothing", Raw.frame(.headers, .endHeaders, 1, Raw.block([("a", "b")])), 1),
        ] as [(String, [UInt8], UInt8)]) func aViolationOfAStreamEndsTheStream(
            _ name: String, _ sent: [UInt8], _ code: UInt8
        ) async throws
    {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Self.call, sent)
            #expect(try await peer.end(of: 1) == .reset(code), "\(name)")
            try await peer.ping()
        }
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX", "\0", "\u{16}\u{3}\u{1}"])
    func whatIsNoPrefaceEndsTheConnection(_ text: String) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path, greets: false)
            peer.send(Array(text.utf8))
            try await peer.waitUntilClosed()
        }
    }

    @Test func settingsComeFirst() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path, greets: false)
            peer.send(FrameReader.preface, Raw.call(1))
            try await peer.waitUntilClosed()
            #expect(peer.goAway == 1)
        }
    }

    @Test func aPrefaceInPiecesIsOne() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path, greets: false)
            for byte in FrameReader.preface + Raw.settings() + Raw.call(1) { await peer.sendAndWait([byte]) }
            #expect(try await peer.end(of: 1) == .status(0))
        }
    }

    @Test func whatIsUnknownIsIgnored() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path, settings: [(0x77, 1), (8, 0)])
            peer.send(Raw.frame(FrameType(rawValue: 0x77), FrameFlags(rawValue: 255), 9, [1, 2, 3]), Raw.call(1))
            #expect(try await peer.end(of: 1) == .status(0))
        }
    }

    @Test func aPingIsAnsweredWithItsBytes() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.ping([1, 2, 3, 4, 5, 6, 7, 8]))
            let answer = try await peer.frame("the answer") { $0.head.type == .ping }
            #expect(answer.payload == [1, 2, 3, 4, 5, 6, 7, 8] && answer.head.flags == .acknowledged)
        }
    }

    /// What is left of a reset call may still be on its way.
    @Test func framesOfAStreamThatHasEndedAreIgnored() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/None"))
            #expect(try await peer.end(of: 1) == .status(StatusCode.unimplemented.rawValue))
            peer.send(
                Raw.data(1, [1, 2, 3], ended: false), Raw.window(1, 5),
                Raw.frame(.headers, [.endHeaders, .endStream], 1, Raw.block([("a", "b")])),
                Raw.reset(1))
            try await peer.ping()
        }
    }

    /// A call that was answered before its end goes on until its caller knows, as many times as it happens.
    @Test func whatWasOnItsWayIsIgnored() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            for call in 0..<1_200 {
                let stream = UInt32(call * 2 + 1)
                peer.send(Raw.headers(stream, "/test/None"), Raw.data(stream, [1, 2], ended: false))
                // So that the thousand frames without a call are not used up.
                if call.isMultiple(of: 2) {
                    peer.send(Raw.frame(.headers, [.endHeaders, .endStream], stream, Raw.block([(":path", "x")])))
                } else {
                    peer.send(Raw.data(stream, [3]))
                }
            }
            peer.send(Raw.call(2_401))
            #expect(try await peer.end(of: 2_401) == .status(0))
        }
    }
}
