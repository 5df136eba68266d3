// SPDX-License-Identifier: Apache-2.0

import Expectations
import Testing

@testable import RPC

/// Calls whose messages are answered one by one.
@Suite(.timeLimit(.minutes(10))) struct EachTests {
    /// The messages that have come on a stream.
    private static func messages(on stream: UInt32, of peer: RawPeer) -> [[UInt8]] {
        var bytes: [UInt8] = []
        for frame in peer.frames where frame.head.type == .data && frame.head.stream == stream {
            bytes += frame.payload
        }
        var messages: [[UInt8]] = []
        while bytes.count >= 5 {
            let length = bytes[1..<5].reduce(0) { $0 << 8 | Int($1) }
            guard bytes.count >= 5 + length else { break }
            messages.append(Array(bytes[5..<5 + length]))
            bytes.removeFirst(5 + length)
        }
        return messages
    }

    private static func text(_ text: String) -> [UInt8] { Raw.message(Array(text.utf8)) }

    @Test func eachMessageIsAnsweredBeforeTheNextIsSent() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Each"))
            var expected: [[UInt8]] = []
            for text in ["a", "", "ccc"] {
                peer.send(Raw.data(1, Self.text(text), ended: false))
                expected.append(Array(text.utf8))
                try await eventually("\(text) is answered") { Self.messages(on: 1, of: peer) == expected }
            }
            #expect(server.gate.ended.isEmpty)
            peer.send(Raw.data(1, []))
            #expect(try await peer.end(of: 1) == .status(0))
            #expect(server.gate.ended == [.ok])
        }
    }

    @Test(arguments: [false, true])
    func aCallWithoutMessagesSucceeds(endsWithItsHeaders: Bool) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            if endsWithItsHeaders {
                peer.send(Raw.headers(1, "/test/Each", flags: [.endHeaders, .endStream]))
            } else {
                peer.send(Raw.headers(1, "/test/Each"), Raw.data(1, []))
            }
            #expect(try await peer.end(of: 1) == .status(0))
        }
    }

    @Test(arguments: [1, 3, 7, 1_000])
    func messagesMayBeCutAnywhere(_ size: Int) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            let texts = (0..<40).map { String(repeating: "x", count: $0) }
            let bytes = texts.flatMap(Self.text)
            peer.send(Raw.headers(1, "/test/Each"))
            for start in stride(from: 0, to: bytes.count, by: size) {
                peer.send(Raw.data(1, Array(bytes[start..<min(start + size, bytes.count)]), ended: false))
            }
            peer.send(Raw.data(1, []))
            #expect(try await peer.end(of: 1) == .status(0))
            #expect(Self.messages(on: 1, of: peer) == texts.map { Array($0.utf8) })
        }
    }

    @Test(arguments: [
        (Raw.message([1], flag: 1), StatusCode.unimplemented), (Raw.message([1], flag: 2), .internalError),
        (Raw.message([1], length: 1_001), .resourceExhausted), (Raw.message([1], length: 2), .invalidArgument),
        (text("fail"), .aborted),
    ])
    func aFaultEndsTheCallAfterTheAnswersBefore(_ bytes: [UInt8], _ code: StatusCode) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Each"), Raw.data(1, Self.text("a") + bytes))
            #expect(try await peer.end(of: 1) == .status(code.rawValue))
            #expect(Self.messages(on: 1, of: peer) == [Array("a".utf8)])
            #expect(server.gate.ended == [code])
            #expect(try await server.server.heldBytes == 0)
        }
    }

    /// What a caller asks for and does not take is not made, and it cannot go on asking.
    @Test func whoTakesNoAnswersCanAskForFewMore() async throws {
        try await withServer { server in
            // A window that takes no DATA.
            let peer = try await RawPeer(server.path, settings: [(4, 0)])
            let count = 2_000
            peer.send(Raw.headers(1, "/test/EachBytes"))
            for _ in 0..<count { peer.send(Raw.data(1, Self.text("4000"), ended: false)) }
            try await peer.ping()
            // Nine answers of 4,000 bytes and the requests.
            #expect(try await server.server.heldBytes <= 65_536 + 65_536)
            #expect(!peer.frames.contains { $0.head.type == .windowUpdate && $0.head.stream == 1 })
            peer.send(Raw.data(1, [], ended: true), Raw.window(0, 1 << 30), Raw.window(1, 1 << 30))
            #expect(try await peer.end(of: 1) == .status(0))
            #expect(Self.messages(on: 1, of: peer).count == count)
            #expect(try await server.server.heldBytes == 0)
        }
    }

    /// The window is opened again for a caller that takes its answers.
    @Test func aCallMayGoOnForLong() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Each"))
            let message = Raw.message([UInt8](repeating: 1, count: 995))
            for round in 1...200 {
                peer.send(Raw.data(1, message, ended: false), Raw.window(1, 1_000), Raw.window(0, 1_000))
                // Each in its turn: a client may not send more than its window holds.
                if round.isMultiple(of: 20) { try await peer.ping(UInt8(round)) }
            }
            peer.send(Raw.data(1, []))
            #expect(try await peer.end(of: 1) == .status(0))
            #expect(Self.messages(on: 1, of: peer).count == 200)
        }
    }

    @Test func aCallThatSaysNothingMoreIsEnded() async throws {
        try await withServer(setting: { $0.requestSeconds = 1 }) { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Each"), Raw.data(1, Self.text("a"), ended: false))
            #expect(try await peer.end(of: 1) == .status(StatusCode.cancelled.rawValue))
        }
    }

    @Test func aResetEndsTheCall() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path, settings: [(4, 0)])
            peer.send(Raw.headers(1, "/test/EachBytes"), Raw.data(1, Self.text("100000") + [0, 0], ended: false))
            try await peer.ping()
            #expect(try await server.server.heldBytes > 100_000)
            peer.send(Raw.reset(1))
            try await eventually("the call has ended") { server.gate.ended == [.cancelled] }
            #expect(try await server.server.heldBytes == 0)
        }
    }
}
