// SPDX-License-Identifier: Apache-2.0

import Expectations
import Glibc
import NIOCore
import Testing

@testable import RPC

/// How much callers may take: streams, bytes, connections, time.
@Suite(.timeLimit(.minutes(10))) struct LimitTests {
    private static func exhausted() -> RawPeer.End { .status(StatusCode.resourceExhausted.rawValue) }

    // MARK: streams

    @Test func the101stStreamIsRefusedAndTheOthersGoOn() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            let settings = try await peer.frame("the settings") { $0.head.type == .settings }
            #expect(settings.payload.contains([0, 3, 0, 0, 0, 100]))
            for index in 0..<100 { peer.send(Raw.call(UInt32(index * 2 + 1), "/test/Stuck")) }
            try await eventually("all have begun") { server.methods.started == 100 }
            for index in 100..<200 {
                let stream = UInt32(index * 2 + 1)
                peer.send(Raw.call(stream))
                #expect(try await peer.end(of: stream) == .reset(7))
            }
            server.methods.release()
            for index in 0..<100 { #expect(try await peer.end(of: UInt32(index * 2 + 1)) == .status(0)) }
            peer.send(Raw.call(401))
            #expect(try await peer.end(of: 401) == .status(0))
        }
    }

    /// A reset call whose work goes on takes its place until the work has ended.
    @Test func aResetMakesNoRoomForMoreWork() async throws {
        try await withServer(setting: { $0.streams = 3 }) { server in
            let peer = try await RawPeer(server.path)
            for stream in [UInt32(1), 3, 5] { peer.send(Raw.call(stream, "/test/Stuck"), Raw.reset(stream)) }
            peer.send(Raw.call(7))
            #expect(try await peer.end(of: 7) == .reset(7))
            try await eventually("all three are stuck") { server.methods.started == 3 }
            server.methods.release()
            var stream = UInt32(7)
            try await eventually("there is room again") {
                stream += 2
                peer.send(Raw.call(stream))
                return try await peer.end(of: stream) == .status(0)
            }
        }
    }

    /// Our client waits, and repeats what was refused before the server has said how many there may be.
    @Test func theClientKeepsToTheLimitOfStreams() async throws {
        try await withServer(setting: { $0.streams = 2 }) { server in
            let client = server.client()
            defer { client.close() }
            try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for _ in 0..<50 { group.addTask { try await client.unary("/test/EchoLater", [1]) } }
                for try await response in group { #expect(response == [1]) }
            }
        }
    }

    // MARK: bytes

    /// Bodies that are kept just below their end.
    private static func hold(_ peer: RawPeer, _ stream: UInt32, _ size: Int) {
        peer.send(Raw.headers(stream, "/test/Echo"), Raw.data(stream, Raw.message([], length: size), ended: false))
        for _ in 0..<size / 16_000 {
            peer.send(Raw.data(stream, [UInt8](repeating: 1, count: 16_000), ended: false))
        }
    }

    @Test func incompleteBodiesOfAConnectionAreBoundedByTheirBuffers() async throws {
        try await withServer(setting: { $0.bytesPerConnection = 256 << 10 }) { server in
            let peer = try await RawPeer(server.path)
            for index in 0..<20 { Self.hold(peer, UInt32(index * 2 + 1), 50_000) }
            try await peer.ping()
            let held = try await server.server.heldBytes
            #expect(held <= 256 << 10 && held > 0)
            #expect(try await peer.end(of: 39) == Self.exhausted())
            await peer.close()
            try await eventually("all is given back") { try await server.server.heldBytes == 0 }
        }
    }

    /// One byte of a long message takes little.
    @Test func aBodyTakesNoMoreThanWhatHasCome() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Echo"), Raw.data(1, Raw.message([1], length: 4 << 20), ended: false))
            try await peer.ping()
            let held = try await server.server.heldBytes
            #expect((1...1_024).contains(held))
        }
    }

    @Test(arguments: ["process", "user", "all"]) func incompleteBodiesAreBoundedOverConnections(_ level: String)
        async throws
    {
        try await withServer(setting: {
            let limit = 256 << 10
            switch level {
            case "process": $0.bytesPerProcess = limit
            case "user": $0.bytesPerUser = limit
            default: $0.bytes = limit
            }
        }) { server in
            var peers: [RawPeer] = []
            for number in 0..<8 {
                server.connections(
                    are: Peer(
                        pid: level == "process" ? 1 : Int32(number), uid: level == "all" ? UInt32(number) : 1, gid: 1))
                let peer = try await RawPeer(server.path)
                Self.hold(peer, 1, 50_000)
                try await peer.ping()
                peers.append(peer)
            }
            let held = try await server.server.heldBytes
            #expect(held == 256 << 10)
            for peer in peers[4...] { #expect(try await peer.end(of: 1) == Self.exhausted()) }
            // Another one is none the worse, if it has not to wait for the same room.
            server.connections(are: Peer(pid: 99, uid: 99, gid: 99))
            let other = try await RawPeer(server.path)
            other.send(Raw.call(1))
            #expect(try await other.end(of: 1) == .status(0))
        }
    }

    // MARK: connections

    @Test func aProcessHasNotAllConnections() async throws {
        try await withServer(connectionLimit: 8) { server in
            var peers: [RawPeer] = []
            for _ in 0..<8 { peers.append(try await RawPeer(server.path)) }
            try await eventually("two are closed") { peers.count(where: \.isClosed) >= 2 }
            server.connections(are: Peer(pid: 101, uid: 1_000, gid: 1_000))
            let other = try await RawPeer(server.path)
            other.send(Raw.call(1))
            #expect(try await other.end(of: 1) == .status(0))
        }
    }

    @Test func aUserHasNotAllConnections() async throws {
        try await withServer(connectionLimit: 8) { server in
            var peers: [RawPeer] = []
            for number in 0..<8 {
                server.connections(are: Peer(pid: Int32(number), uid: 1, gid: 1))
                peers.append(try await RawPeer(server.path))
            }
            try await eventually("one is closed") { peers.count(where: \.isClosed) == 1 }
            server.connections(are: Peer(pid: 101, uid: 2, gid: 2))
            let other = try await RawPeer(server.path)
            other.send(Raw.call(1))
            #expect(try await other.end(of: 1) == .status(0))
        }
    }

    /// Several users together have taken all: the greatest of them gives up one that is idle.
    @Test func aUserWithoutAConnectionGetsOneOfAUserWithMany() async throws {
        try await withServer(connectionLimit: 8) { server in
            var peers: [RawPeer] = []
            for number in 0..<8 {
                server.connections(are: Peer(pid: Int32(number), uid: number < 6 ? 1 : 2, gid: 1))
                let peer = try await RawPeer(server.path)
                try await peer.ping()
                peers.append(peer)
            }
            server.connections(are: Peer(pid: 101, uid: 3, gid: 3))
            let other = try await RawPeer(server.path)
            other.send(Raw.call(1))
            #expect(try await other.end(of: 1) == .status(0))
            try await eventually("one of the greatest user's is closed") { peers[..<6].count(where: \.isClosed) == 1 }
            #expect(peers[6...].allSatisfy { !$0.isClosed })
            // One with calls is never taken.
            for peer in peers[..<6] where !peer.isClosed { peer.send(Raw.call(1, "/test/Hang")) }
            try await eventually("they have calls") { server.methods.started == 5 }
            server.connections(are: Peer(pid: 102, uid: 4, gid: 4))
            let last = try await RawPeer(server.path)
            try await last.waitUntilClosed()
        }
    }

    /// NIO alone would try again at once, for ever.
    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM]) func acceptingPausesWithoutDescriptors(_ code: Int32)
        async throws
    {
        try await withServer { server in
            let loop = server.server.loop
            let channel = try #require(try await loop.submit { server.server.listeners.first?.channel }.get())
            let isReading = try await loop.submit { () throws -> Bool? in
                channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
                return try channel.syncOptions?.getOption(.autoRead)
            }.get()
            #expect(isReading == false)
            try await eventually("it accepts again") { try await channel.getOption(.autoRead).get() }
            let peer = try await RawPeer(server.path)
            peer.send(Raw.call(1))
            #expect(try await peer.end(of: 1) == .status(0))
        }
    }

    @Test func strangersHaveAFewConnectionsOfTheirOwn() async throws {
        try await withServer(connectionLimit: 4, gate: RecordingGate(strangers: [66])) { server in
            server.connections(are: Peer(pid: 7, uid: 66, gid: 66))
            var peers: [RawPeer] = []
            for _ in 0..<10 { peers.append(try await RawPeer(server.path)) }
            try await eventually("six are closed") { peers.count(where: \.isClosed) == 6 }
            server.connections(are: RunningServer.usual)
            for _ in 0..<3 {
                let peer = try await RawPeer(server.path)
                peer.send(Raw.call(1))
                #expect(try await peer.end(of: 1) == .status(0))
                peers.append(peer)
            }
        }
    }

    // MARK: time

    @Test func aConnectionThatSaysNothingIsClosed() async throws {
        try await withServer(setting: { $0.handshakeSeconds = 1 }) { server in
            for sent in [[], Array(FrameReader.preface.dropLast()), FrameReader.preface] as [[UInt8]] {
                let peer = try await RawPeer(server.path, greets: false)
                peer.send(sent)
                try await peer.waitUntilClosed()
            }
        }
    }

    @Test func halfAFrameIsNotWaitedForForEver() async throws {
        try await withServer(setting: { $0.frameSeconds = 1 }) { server in
            for sent in [
                [0, 0, 8], Array(Raw.ping([1, 2, 3, 4, 5, 6, 7, 8]).dropLast()),
                Raw.headers(1, "/test/Echo", flags: []),
            ] {
                let peer = try await RawPeer(server.path)
                peer.send(sent)
                try await peer.waitUntilClosed()
            }
        }
    }

    @Test func halfARequestIsNotWaitedForForEver() async throws {
        try await withServer(setting: { $0.requestSeconds = 1 }) { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Echo"), Raw.data(1, Raw.message([1], length: 10), ended: false))
            #expect(try await peer.end(of: 1) == .status(StatusCode.cancelled.rawValue))
            try await peer.ping()
        }
    }

    @Test func anIdleConnectionIsEndedInPeace() async throws {
        try await withServer(setting: { $0.idleSeconds = 1 }) { server in
            let peer = try await RawPeer(server.path)
            try await peer.frame("the goodbye") {
                $0.head.type == .goAway && $0.payload.prefix(4) == [0x7f, 0xff, 0xff, 0xff]
            }
            try await peer.waitUntilClosed()
            #expect(peer.goAway == 0)
            let client = server.client()
            defer { client.close() }
            _ = try await client.unary("/test/Echo", [1])
            try await eventually("its connection has ended") { try await server.server.connectionCount == 0 }
            let echo = try await client.unary("/test/Echo", [2])
            #expect(echo == [2])
        }
    }

    @Test func aSilentPeerIsAskedWhetherItIsThere() async throws {
        try await withServer(setting: { $0.keepaliveSeconds = 1 }) { server in
            let peer = try await RawPeer(server.path)
            let ping = try await peer.frame("the ping") { $0.head.type == .ping }
            peer.send(Raw.frame(.ping, .acknowledged, 0, ping.payload))
            try await eventually("it is asked again") { peer.frames.count { $0.head.type == .ping } >= 2 }
        }
    }

    @Test func aPeerThatDoesNotSayThatItIsThereIsClosed() async throws {
        try await withServer(setting: { ($0.keepaliveSeconds, $0.keepaliveTimeoutSeconds) = (1, 1) }) { server in
            let peer = try await RawPeer(server.path)
            try await peer.frame("the ping") { $0.head.type == .ping }
            try await peer.waitUntilClosed()
        }
    }

    @Test func aPeerThatTakesNothingForLongIsClosed() async throws {
        try await withServer(setting: { $0.stallSeconds = 1 }) { server in
            let peer = try await RawPeer(server.path, settings: [(4, 1 << 24)], reads: false)
            peer.send(Raw.window(0, 1 << 30))
            for index in 0..<2_000 { peer.send(Raw.call(UInt32(index * 2 + 1), "/test/Bytes", "5000")) }
            try await eventually("it is closed") {
                server.gate.began > 0 ? try await server.server.connectionCount == 0 : false
            }
        }
    }
}
