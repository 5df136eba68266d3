// SPDX-License-Identifier: Apache-2.0

import Expectations
import Testing

@testable import RPC

/// How a server ends.
@Suite(.timeLimit(.minutes(10))) struct ShutdownTests {
    /// RFC 9113, section 6.8: first a goodbye that refuses nothing, then the last stream that is served.
    @Test func aConnectionIsDrainedInTwoSteps() async throws {
        let server = try await RunningServer(setting: { $0.drainSeconds = 3_600 })
        let peer = try await RawPeer(server.path)
        peer.send(Raw.call(1, "/test/Stuck"))
        try await eventually("the call has begun") { server.methods.started == 1 }
        let stopped = Task { await server.stop(within: .seconds(600)) }
        try await peer.frame("the first goodbye") { $0.head.type == .goAway && $0.payload[0] == 0x7f }
        let ping = try await peer.frame("the ping") { $0.head.type == .ping }
        // What was on its way is served.
        peer.send(Raw.call(3))
        #expect(try await peer.end(of: 3) == .status(0))
        peer.send(Raw.frame(.ping, .acknowledged, 0, ping.payload))
        try await peer.frame("the second goodbye") { $0.head.type == .goAway && $0.payload.prefix(4) == [0, 0, 0, 3] }
        peer.send(Raw.call(5))
        #expect(try await peer.end(of: 5) == .reset(7))
        server.methods.release()
        #expect(try await peer.end(of: 1) == .status(0))
        try await peer.waitUntilClosed()
        await stopped.value
        #expect(peer.goAway == 0)
    }

    @Test func callsUnderWayAreAnsweredAndNewOnesAreNot() async throws {
        let server = try await RunningServer()
        let client = server.client()
        defer { client.close() }
        let call = Task { try await client.unary("/test/Stuck", []) }
        try await eventually("the call has begun") { server.methods.started == 1 }
        let stopped = Task { await server.stop(within: .seconds(600)) }
        try await eventually("new calls are refused") {
            do {
                _ = try await client.unary("/test/Echo", [])
                return false
            } catch let error as Status {
                return error.code == .unavailable
            }
        }
        server.methods.release()
        let response = try await call.value
        #expect(response == [])
        await stopped.value
    }

    @Test func aCallBeyondTheGraceIsCancelled() async throws {
        let server = try await RunningServer()
        let client = server.client()
        defer { client.close() }
        let call = Task { try await client.unary("/test/Hang", []) }
        try await eventually("the call has begun") { server.methods.started == 1 }
        await server.stop(within: .milliseconds(100))
        let error = await #expect(throws: Status.self) { _ = try await call.value }
        #expect(error?.code == .unavailable)
        try await eventually("its task is cancelled") { server.methods.cancelled == 1 }
    }

    static let peers: [(String, [UInt8])] = [
        ("nothing", []), ("half a preface", Array(FrameReader.preface.dropLast(5))),
        ("no settings", FrameReader.preface), ("no pong", FrameReader.preface + Raw.settings()),
        ("half a frame", FrameReader.preface + Raw.settings() + [0, 0, 8]),
        ("half a block", FrameReader.preface + Raw.settings() + Raw.headers(1, "/test/Echo", flags: [])),
        ("half a request", FrameReader.preface + Raw.settings() + Raw.headers(1, "/test/Echo")),
        ("a call without end", FrameReader.preface + Raw.settings() + Raw.call(1, "/test/Hang")),
    ]

    @Test(arguments: peers, [true, false]) func noPeerKeepsAServerFromEnding(
        _ peer: (name: String, sent: [UInt8]), _ reads: Bool
    ) async throws {
        let server = try await RunningServer()
        let raw = try await RawPeer(server.path, greets: false, reads: reads)
        raw.send(peer.sent)
        try await eventually("it is connected") { try await server.server.connectionCount == 1 }
        await server.stop(within: .milliseconds(200))
        let left = try await server.server.connectionCount
        #expect(left == 0, "\(peer.name)")
    }

    @Test func aServerEndsInAFlood() async throws {
        let server = try await RunningServer()
        let flood = Task {
            let peer = try await RawPeer(server.path)
            for round in 0..<100_000 where !peer.isClosed && !Task.isCancelled {
                await peer.sendAndWait((0..<100).flatMap { Raw.call(UInt32((round * 100 + $0) * 2 + 1)) })
            }
        }
        try await eventually("the flood has begun") { server.gate.began > 1_000 }
        await server.stop(within: .milliseconds(300))
        let left = try await server.server.connectionCount
        #expect(left == 0)
        flood.cancel()
        _ = await flood.result
    }

    @Test func aServerCanEndAsSoonAsItBegins() async throws {
        for _ in 0..<50 {
            let server = try await RunningServer()
            await server.stop(within: .zero)
        }
    }
}
