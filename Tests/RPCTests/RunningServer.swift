// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
import Foundation
import NIOCore
import NIOPosix
import RPC
import Synchronization

/// A server on a socket of its own, with the methods that the tests call.
final class RunningServer: Sendable {
    let path: String
    let server: Server
    let gate: RecordingGate
    let methods: TestMethods
    private let directory: String
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let peer: CurrentPeer

    static let usual = Peer(pid: 100, uid: 1_000, gid: 1_000)

    /// Only what a test sets is short: this process is busy with other tests.
    private static let patient: ServerLimits = {
        var limits = ServerLimits()
        for seconds: WritableKeyPath<ServerLimits, Int> in [
            \.handshakeSeconds, \.frameSeconds, \.requestSeconds, \.stallSeconds, \.idleSeconds,
            \.keepaliveSeconds, \.keepaliveTimeoutSeconds,
        ] { limits[keyPath: seconds] = 3_600 }
        return limits
    }()

    /// - Parameter setting: changes the limits.
    init(
        connectionLimit: Int = 256, gate: RecordingGate = RecordingGate(),
        setting: (inout ServerLimits) -> Void = { _ in }
    ) async throws {
        var limits = Self.patient
        setting(&limits)
        self.gate = gate
        methods = TestMethods()
        directory = FileManager.default.temporaryDirectory.appending(path: "rpc-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        path = "\(directory)/socket"
        var file: Int32 = -1
        let socket = cus_listen(path, .max, .max, 0o600, 1024, &file)
        close(file)
        guard socket >= 0 else { throw NoSocket(errno: -socket) }
        let peer = CurrentPeer()
        self.peer = peer
        server = Server(on: group.next(), limits: limits) { _ in peer.value }
        try await server.serve(
            Endpoint(
                methods.all + HealthService(of: ["test"]).methods(of: server), gate: gate,
                connectionLimit: connectionLimit), on: socket)
    }

    struct NoSocket: Error { let errno: Int32 }

    /// Connections from now on are of this peer.
    func connections(are peer: Peer) { self.peer.set(peer) }

    func client(
        limit: Int = Method.customaryLimit, metadata: [(String, String)] = [], on loop: (any EventLoop)? = nil
    ) -> Client {
        Client(
            path: path, on: loop ?? MultiThreadedEventLoopGroup.singleton.any(), limit: limit, metadata: metadata)
    }

    func stop(within grace: Duration = .seconds(5)) async { await server.shutDown(within: grace) }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
        group.shutdownGracefully { _ in }
    }
}

/// Who connects, as the test has it.
final class CurrentPeer: Sendable {
    private let peer = Mutex(RunningServer.usual)

    var value: Peer { peer.withLock { $0 } }
    func set(_ new: Peer) { peer.withLock { $0 = new } }
}

/// Runs `work` with a server and stops it.
func withServer<Value>(
    connectionLimit: Int = 256, gate: RecordingGate = RecordingGate(),
    setting: (inout ServerLimits) -> Void = { _ in }, _ work: (RunningServer) async throws -> Value
) async throws -> Value {
    let server = try await RunningServer(connectionLimit: connectionLimit, gate: gate, setting: setting)
    do {
        let value = try await work(server)
        await server.stop(within: .milliseconds(500))
        return value
    } catch {
        await server.stop(within: .zero)
        throw error
    }
}
