// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The connections of one socket, and who may have how many. Confined to the server's event loop.
// Unchecked: it is created elsewhere and used on the loop alone.
final class Listener: @unchecked Sendable {
    let endpoint: Endpoint
    var channel: (any Channel)?
    private(set) var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var strangers: Set<ObjectIdentifier> = []
    private var perUser: [UInt32: Int] = [:]
    private var perProcess: [Int32: Int] = [:]

    /// Enough to send clients without rights their refusal, and too few to keep others from calling.
    private static let strangerLimit = 4

    init(_ endpoint: Endpoint) { self.endpoint = endpoint }

    /// Where all places are taken, a user who has the most of them gives up one without calls to a user who has fewer.
    func hasRoom(for peer: Peer) -> Bool {
        guard endpoint.gate.isKnown(peer) else { return strangers.count < Self.strangerLimit }
        let limit = endpoint.connectionLimit
        guard perProcess[peer.pid, default: 0] < limit - limit / 4 else { return false }
        let mine = perUser[peer.uid, default: 0]
        guard mine < limit - limit / 8 else { return false }
        if connections.count - strangers.count < limit { return true }
        guard let most = perUser.max(by: { $0.value < $1.value }), most.value > mine + 1 else { return false }
        let idle = connections.values.filter { $0.peer.uid == most.key && $0.load == 0 }
        guard let victim = idle.max(by: { $0.idleSeconds < $1.idleSeconds }) else { return false }
        remove(victim)
        victim.fail(.enhanceYourCalm, "its place is taken by another user")
        return true
    }

    func add(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = connection
        if endpoint.gate.isKnown(connection.peer) {
            perUser[connection.peer.uid, default: 0] += 1
            perProcess[connection.peer.pid, default: 0] += 1
        } else {
            strangers.insert(ObjectIdentifier(connection))
        }
    }

    func remove(_ connection: ServerConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil,
            strangers.remove(ObjectIdentifier(connection)) == nil
        else { return }
        Self.subtract(connection.peer.uid, from: &perUser)
        Self.subtract(connection.peer.pid, from: &perProcess)
    }

    private static func subtract<Key>(_ key: Key, from counts: inout [Key: Int]) {
        counts[key, default: 1] -= 1
        if counts[key] == 0 { counts[key] = nil }
    }
}
