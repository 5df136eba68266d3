// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A user, with its processes. Confined to the server's event loop.
final class UserAccount {
    let budget: Budget
    var processes: [Int32: ProcessAccount] = [:]
    /// Those whose connections wait for a turn.
    var waiting = CircularBuffer<ProcessAccount>()
    var isWaiting = false
    /// What its connections may still do before they wait for turns.
    var credit = Turns.quantum

    init(_ budget: Budget) { self.budget = budget }
}

/// A process, with its connections. Confined to the server's event loop.
final class ProcessAccount {
    let budget: Budget
    unowned let user: UserAccount
    var connections = 0
    /// Those that wait for a turn.
    var waiting = CircularBuffer<ServerConnection>()
    var isWaiting = false

    init(_ budget: Budget, of user: UserAccount) { (self.budget, self.user) = (budget, user) }
}

/// Who is connected. Confined to the server's event loop.
final class Accounts {
    private let limits: ServerLimits
    private let budget: Budget
    private var users: [UInt32: UserAccount] = [:]

    init(_ limits: ServerLimits) {
        self.limits = limits
        budget = Budget(limits.bytes)
    }

    /// Bytes that all of them hold.
    var held: Int { budget.held }
    var isEmpty: Bool { users.isEmpty }

    func enter(_ peer: Peer) -> ProcessAccount {
        let user = users[peer.uid] ?? UserAccount(Budget(limits.bytesPerUser, within: budget))
        users[peer.uid] = user
        let process =
            user.processes[peer.pid] ?? ProcessAccount(Budget(limits.bytesPerProcess, within: user.budget), of: user)
        user.processes[peer.pid] = process
        process.connections += 1
        return process
    }

    func leave(_ peer: Peer) {
        guard let user = users[peer.uid], let process = user.processes[peer.pid] else { return }
        process.connections -= 1
        guard process.connections == 0 else { return }
        user.processes[peer.pid] = nil
        if user.processes.isEmpty { users[peer.uid] = nil }
    }
}
