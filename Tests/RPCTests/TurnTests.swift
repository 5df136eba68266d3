// SPDX-License-Identifier: Apache-2.0

import Expectations
import NIOCore
import Synchronization
import Testing

@testable import RPC

/// How the event loop is shared.
@Suite(.timeLimit(.minutes(10))) struct TurnTests {
    /// All of it is in the server's hands before the first frame is handled: one user with many connections and many
    /// calls, another with one of each.
    @Test(arguments: [1, 2]) func aFloodOfOneUserWaitsForItsTurns(_ level: Int) async throws {
        try await withServer { server in
            var floods: [RawPeer] = []
            for number in 0..<20 {
                server.connections(are: Peer(pid: level == 1 ? 1 : Int32(number), uid: 1, gid: 1))
                floods.append(try await RawPeer(server.path))
            }
            server.connections(are: Peer(pid: 500, uid: 2, gid: 2))
            let good = try await RawPeer(server.path)
            for peer in floods + [good] { try await peer.ping() }
            // The loop is held up until everything has been written.
            let held = HeldLoop()
            server.server.loop.execute { held.wait() }
            for peer in floods {
                // As much as the socket takes.
                peer.send((0..<400).flatMap { Raw.call(UInt32($0 * 2 + 1)) })
            }
            await good.sendAndWait(Raw.call(1))
            held.release()
            #expect(try await good.end(of: 1) == .status(0))
            // Of the other user's 8000 calls no more were before it than one user's turn has.
            let before = try #require(server.gate.begunBefore(2))
            #expect(before < Turns.quantum / 16)
            for peer in floods { #expect(try await peer.end(of: 799) == .status(0)) }
        }
    }

    @Test func turnsGoAroundByUsersThenProcessesThenConnections() async throws {
        try await withServer { server in
            let connections = try await server.server.loop.submit { () -> [String] in
                let accounts = Accounts(ServerLimits())
                let turns = Turns(server.server.loop)
                let endpoint = Endpoint([], gate: OpenGate())
                func connection(_ uid: UInt32, _ pid: Int32) -> ServerConnection {
                    let peer = Peer(pid: pid, uid: uid, gid: uid)
                    return ServerConnection(
                        server.server, endpoint, peer, accounts.enter(peer), server.server.loop)
                }
                let waiting = [
                    connection(1, 10), connection(1, 10), connection(1, 10), connection(1, 11), connection(2, 20),
                    connection(2, 20), connection(3, 30),
                ]
                for one in waiting { turns.add(one) }
                var order: [String] = []
                while let next = turns.next() { order.append("\(next.peer.uid)/\(next.peer.pid)") }
                return order
            }.get()
            #expect(connections == ["1/10", "2/20", "3/30", "1/11", "2/20", "1/10", "1/10"])
        }
    }
}

/// Holds up an event loop.
private final class HeldLoop: Sendable {
    private let isHeld = Atomic(true)

    func wait() { while isHeld.load(ordering: .acquiring) {} }
    func release() { isHeld.store(false, ordering: .releasing) }
}
