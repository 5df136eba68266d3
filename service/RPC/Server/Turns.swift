// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Shares the event loop: by users, of a user by its processes, of a process by its connections.
///
/// A connection handles its frames as they come while its user has credit. After that its frames wait for their turn,
/// and nothing more is read from it. Turns go around, and end after a time for the sake of the sockets.
///
/// Confined to the server's event loop.
final class Turns {
    /// What a user may do at once, and a connection in a turn: 64 small calls.
    static let quantum = 1_024
    private static let slice = TimeAmount.milliseconds(1)
    /// NIO runs all tasks before it looks at sockets again, those that a task adds too, but not scheduled ones.
    private static let pause = TimeAmount.microseconds(20)

    private let loop: any EventLoop
    private var waiting = CircularBuffer<UserAccount>()
    private var isScheduled = false

    init(_ loop: any EventLoop) { self.loop = loop }

    /// What handling a frame costs: its work, and that of what it brings on.
    static func cost(of head: FrameHead) -> Int {
        switch head.type {
        case .headers, .continuation: 16 + head.length / 16
        default: 1 + head.length / 256
        }
    }

    func add(_ connection: ServerConnection) {
        let process = connection.account
        let user = process.user
        process.waiting.append(connection)
        if !process.isWaiting {
            process.isWaiting = true
            user.waiting.append(process)
        }
        if !user.isWaiting {
            user.isWaiting = true
            waiting.append(user)
        }
        guard !isScheduled else { return }
        isScheduled = true
        loop.assumeIsolated().execute { self.run() }
    }

    private func run() {
        let end = NIODeadline.now() + Self.slice
        while let connection = next() {
            connection.takeTurn()
            guard NIODeadline.now() < end else { break }
        }
        guard !waiting.isEmpty else {
            isScheduled = false
            return
        }
        loop.assumeIsolated().scheduleTask(in: Self.pause) { self.run() }
    }

    /// Takes the one whose turn it is.
    func next() -> ServerConnection? {
        while let user = waiting.popFirst() {
            user.credit = Self.quantum
            guard let process = user.waiting.popFirst() else {
                user.isWaiting = false
                continue
            }
            let connection = process.waiting.popFirst()
            if process.waiting.isEmpty { process.isWaiting = false } else { user.waiting.append(process) }
            if user.waiting.isEmpty { user.isWaiting = false } else { waiting.append(user) }
            if let connection { return connection }
        }
        return nil
    }
}
