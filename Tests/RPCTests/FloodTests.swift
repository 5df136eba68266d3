// SPDX-License-Identifier: Apache-2.0

import Expectations
import NIOCore
import Testing

@testable import RPC

/// Clients that send what brings no call on, or more than anyone needs. Each is ended or bounded, and another client's
/// calls go on.
@Suite(.timeLimit(.minutes(10))) struct FloodTests {
    private static let calm: UInt8 = 11

    /// Sends the same again and again, until the server has had enough.
    private static func expectEnd(
        of name: String, times: Int = 5_000, first: [UInt8] = [], _ part: (Int) -> [UInt8]
    ) async throws {
        // However slow the machine is.
        try await withServer(setting: { $0.chatterSeconds = 3_600 }) { server in
            let good = server.client()
            defer { good.close() }
            let peer = try await RawPeer(server.path)
            if !first.isEmpty { peer.send(first) }
            for start in stride(from: 0, to: times, by: 50) where !peer.isClosed {
                await peer.sendAndWait((start..<start + 50).flatMap(part))
                if start % 500 == 0 {
                    let echo = try await good.unary("/test/Echo", [1])
                    #expect(echo == [1])
                }
            }
            try await peer.waitUntilClosed()
            #expect(peer.goAway == calm || peer.goAway == nil, "\(name)")
            let echo = try await good.unary("/test/Echo", [2])
            #expect(echo == [2])
            try await eventually("the flood's connection is gone") {
                try await server.server.connectionCount == 1
            }
            try await eventually("its calls have ended") {
                server.gate.ended.count == server.gate.began && server.methods.cancelled == server.methods.started
            }
            let held = try await server.server.heldBytes
            #expect(held == 0)
        }
    }

    @Test func pings() async throws {
        try await Self.expectEnd(of: "pings") { Raw.ping([UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 8)) }
    }

    @Test func settings() async throws {
        try await Self.expectEnd(of: "settings") { Raw.settings([(4, UInt32($0 % 100_000))]) }
    }

    @Test func longSettings() async throws {
        let long = Raw.settings((0..<2_000).map { (UInt16(0x100 + $0), 1) })
        try await Self.expectEnd(of: "long settings", times: 500) { _ in long }
    }

    @Test func acknowledgementsOfNothing() async throws {
        try await Self.expectEnd(of: "acknowledgements") { _ in Raw.frame(.settings, .acknowledged) }
    }

    /// CVE-2023-44487.
    @Test func rapidResets() async throws {
        try await Self.expectEnd(of: "rapid resets") { index in
            let stream = UInt32(index * 2 + 1)
            return Raw.headers(stream, "/test/Hang") + Raw.data(stream, Raw.message([])) + Raw.reset(stream)
        }
    }

    @Test func rapidResetsOfHeadersAlone() async throws {
        try await Self.expectEnd(of: "resets of headers") { index in
            let stream = UInt32(index * 2 + 1)
            return Raw.headers(stream, "/test/Echo") + Raw.reset(stream)
        }
    }

    /// The server resets, for the client's fault (CVE-2025-8671).
    @Test func resetsThatTheServerIsMadeToSend() async throws {
        try await Self.expectEnd(of: "faults") { index in
            let stream = UInt32(index * 2 + 1)
            return Raw.headers(stream, "/test/Echo") + Raw.window(stream, 0)
        }
    }

    @Test func malformedRequests() async throws {
        try await Self.expectEnd(of: "malformed requests") { index in
            Raw.headers(UInt32(index * 2 + 1), "/test/Echo", [("connection", "close")])
        }
    }

    @Test func priorities() async throws {
        try await Self.expectEnd(of: "priorities") {
            Raw.frame(.priority, [], UInt32($0 % 50 * 2 + 1), [0, 0, 0, 0, 1])
        }
    }

    @Test func unknownFrames() async throws {
        try await Self.expectEnd(of: "unknown frames") { _ in
            Raw.frame(FrameType(rawValue: 0x42), [], 0, [UInt8](repeating: 0, count: 100))
        }
    }

    @Test func goodbyes() async throws {
        try await Self.expectEnd(of: "goodbyes") { _ in Raw.frame(.goAway, [], 0, [UInt8](repeating: 0, count: 8)) }
    }

    @Test func windowUpdates() async throws {
        try await Self.expectEnd(of: "window updates", times: 20_000, first: Raw.headers(1, "/test/Echo")) { _ in
            Raw.window(1, 1)
        }
    }

    @Test func emptyData() async throws {
        try await Self.expectEnd(of: "empty data", first: Raw.headers(1, "/test/Echo")) { _ in
            Raw.data(1, [], ended: false)
        }
    }

    @Test func paddingAlone() async throws {
        try await Self.expectEnd(of: "padding", first: Raw.headers(1, "/test/Echo")) { _ in
            Raw.frame(.data, .padded, 1, [10] + [UInt8](repeating: 0, count: 10))
        }
    }

    /// CVE-2024-27316 and its like: a block without end.
    @Test func continuations() async throws {
        try await Self.expectEnd(of: "continuations", first: Raw.headers(1, "/test/Echo", flags: [])) { _ in
            Raw.frame(.continuation, [], 1, Raw.block([("x", "y")]))
        }
    }

    @Test func largeContinuations() async throws {
        try await Self.expectEnd(of: "large continuations", first: Raw.headers(1, "/test/Echo", flags: [])) { _ in
            Raw.frame(.continuation, [], 1, [UInt8](repeating: 0, count: 16_000))
        }
    }

    @Test func emptyContinuations() async throws {
        try await Self.expectEnd(of: "empty continuations", first: Raw.headers(1, "/test/Echo", flags: [])) { _ in
            Raw.frame(.continuation, [], 1)
        }
    }

    /// One field of the table, thousands of times: megabytes of headers in a few bytes.
    @Test func hpackBombs() async throws {
        try await withServer { server in
            let good = server.client()
            defer { good.close() }
            let peer = try await RawPeer(server.path)
            let usual = Raw.block(Raw.fields("/test/Echo"))
            let large: [UInt8] = [0x40] + Raw.block([("x", String(repeating: "v", count: 3_900))]).dropFirst()
            let bomb = [UInt8](repeating: 0xbe, count: 16_000 - usual.count)
            peer.send(Raw.frame(.headers, .endHeaders, 1, usual + large), Raw.data(1, Raw.message([])))
            #expect(try await peer.end(of: 1) == .status(0))
            for stream in stride(from: UInt32(3), through: 201, by: 2) {
                peer.send(Raw.frame(.headers, [.endHeaders, .endStream], stream, usual + bomb))
            }
            #expect(try await peer.end(of: 201) == .status(StatusCode.resourceExhausted.rawValue))
            let echo = try await good.unary("/test/Echo", [1])
            #expect(echo == [1])
        }
    }

    @Test func honestCallsWithoutEnd() async throws {
        try await withServer { server in
            let good = server.client()
            defer { good.close() }
            let peer = try await RawPeer(server.path)
            for round in 0..<100 {
                await peer.sendAndWait((0..<100).flatMap { Raw.call(UInt32((round * 100 + $0) * 2 + 1)) })
                let echo = try await good.unary("/test/Echo", [1])
                #expect(echo == [1])
            }
            #expect(try await peer.end(of: 19_999) == .status(0))
        }
    }

    /// Megabytes in both directions take thousands of window updates, which are no flood.
    @Test func manyLargeMessages() async throws {
        try await withServer(setting: { $0.chatterSeconds = 3_600 }) { server in
            let client = server.client()
            defer { client.close() }
            let message = [UInt8](repeating: 1, count: 1 << 20)
            for _ in 0..<200 {
                let echo = try await client.unary("/test/Echo", message)
                #expect(echo.count == message.count)
            }
        }
    }

    // MARK: readers

    /// The peer's socket takes nothing more: nothing more is read from it.
    @Test func aPeerThatReadsNothing() async throws {
        try await withServer { server in
            let good = server.client()
            defer { good.close() }
            let peer = try await RawPeer(server.path, settings: [(4, 1 << 24)], reads: false)
            peer.send(Raw.window(0, 1 << 30))
            for start in 0..<200 {
                peer.send((0..<50).flatMap { Raw.call(UInt32((start * 50 + $0) * 2 + 1), "/test/Bytes", "1000") })
            }
            try await eventually("the server has begun") { server.gate.began > 0 }
            try await Task.sleep(for: .milliseconds(300))
            // What the socket and the two ends' buffers hold, and no more.
            #expect(server.gate.began < 2_000)
            let echo = try await good.unary("/test/Echo", [1])
            #expect(echo == [1])
        }
    }

    /// Its windows stay shut: responses wait, and no more than there is room for.
    @Test func aPeerThatNeverOpensItsWindow() async throws {
        try await withServer(setting: { $0.bytesPerConnection = 1 << 20 }) { server in
            let good = server.client()
            defer { good.close() }
            let peer = try await RawPeer(server.path, settings: [(4, 0)])
            for index in 0..<100 { peer.send(Raw.call(UInt32(index * 2 + 1), "/test/Bytes", "100000")) }
            // 128 KiB for each, so eight of them wait, and the others are told.
            try await eventually("all calls have been handled") { server.gate.ended.count == 100 }
            #expect(server.gate.ended.count { $0 == .resourceExhausted } == 92)
            let held = try await server.server.heldBytes
            #expect(held == 1 << 20)
            let echo = try await good.unary("/test/Echo", [1])
            #expect(echo == [1])
        }
    }

    /// Nor do they wait for ever.
    @Test func aResponseThatIsNotTakenIsGivenUp() async throws {
        try await withServer(setting: { $0.stallSeconds = 1 }) { server in
            let peer = try await RawPeer(server.path, settings: [(4, 0)])
            peer.send(Raw.call(1, "/test/Bytes", "100000"))
            #expect(try await peer.end(of: 1) == .reset(8))
            try await eventually("what waited is given up") { try await server.server.heldBytes == 0 }
        }
    }

    @Test func aWindowOfOneByte() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path, settings: [(4, 1)])
            peer.send(Raw.call(1, "/test/Bytes", "50"))
            for _ in 0..<60 {
                peer.send(Raw.window(1, 1))
                try await peer.ping(UInt8.random(in: 2...250))
            }
            #expect(try await peer.end(of: 1) == .status(0))
            #expect(peer.frames.filter { $0.head.type == .data }.reduce(0) { $0 + $1.head.length } == 55)
        }
    }

    // MARK: many

    @Test func brokenConnections() async throws {
        try await withServer { server in
            let good = server.client()
            defer { good.close() }
            let broken: [[UInt8]] = [
                FrameReader.preface + Raw.settings() + Raw.headers(1, "/test/Hang") + Raw.data(1, Raw.message([]))
                    + Raw.data(1, [], ended: false) + Raw.frame(.pushPromise, [], 1),
                FrameReader.preface + Raw.settings() + Raw.headers(1, "/test/Echo")
                    + Raw.data(1, Raw.message([], length: 1 << 20) + [UInt8](repeating: 0, count: 10_000), ended: false)
                    + Raw.frame(.headers, .endHeaders, 3, [0x80]),
                FrameReader.preface.dropLast(3), [0, 1, 2],
            ]
            for number in 0..<2_000 {
                let peer = try await RawPeer(server.path, greets: false)
                await peer.sendAndWait(broken[number % broken.count])
                if number % 7 == 0 { await peer.close() }
                if number % broken.count < 2 { try await peer.waitUntilClosed() }
                await peer.close()
            }
            try await eventually("no connection is left but the good one's") {
                let echo = try await good.unary("/test/Echo", [1])
                return try await server.server.connectionCount == 1 && echo == [1]
            }
            let held = try await server.server.heldBytes
            #expect(held == 0)
            try await eventually("no call is left") {
                server.methods.cancelled == server.methods.started && server.gate.ended.count == server.gate.began
            }
        }
    }

    /// Beyond the limit they are closed, and the backlog holds those that have not been looked at.
    @Test func aThousandConnectionsAtOnce() async throws {
        try await withServer(connectionLimit: 2_000) { server in
            try await withThrowingTaskGroup(of: RawPeer.End.self) { group in
                for _ in 0..<1_000 {
                    group.addTask {
                        let peer = try await RawPeer(server.path)
                        peer.send(Raw.call(1))
                        return try await peer.end(of: 1)
                    }
                }
                for try await end in group { #expect(end == .status(0)) }
            }
        }
    }
}
