// SPDX-License-Identifier: Apache-2.0

import Glibc
public import NIOCore
import NIOPosix

/// Serves gRPC on sockets that are open already, all of them on one event loop.
// Unchecked: public methods go to the event loop first (submit), and only there its state is read and changed.
public final class Server: @unchecked Sendable {
    let loop: any EventLoop
    let limits: ServerLimits
    let turns: Turns
    let executor: LoopExecutor
    private let accounts: Accounts
    private let identify: @Sendable (NIOBSDSocket.Handle) throws -> Peer
    private(set) var listeners: [Listener] = []
    private var ticking: RepeatedTask?
    private var isEnding = false
    /// Calls that wait for the server's end, by numbers.
    private var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var lastWaiter: UInt64 = 0

    /// - Parameter identify: Who is at the other end of a socket.
    public init(
        on loop: any EventLoop, limits: ServerLimits = ServerLimits(),
        identify: @escaping @Sendable (NIOBSDSocket.Handle) throws -> Peer
    ) {
        (self.loop, self.limits, self.identify) = (loop, limits, identify)
        turns = Turns(loop)
        executor = LoopExecutor(loop)
        accounts = Accounts(limits)
    }

    /// How many connections wait to be accepted: more than all callers of a node open at once.
    private static let backlog: Int32 = 1_024

    /// Begins to serve a socket that listens. The server closes it.
    public func serve(_ endpoint: Endpoint, on socket: NIOBSDSocket.Handle) async throws {
        let listener = Listener(endpoint)
        let channel = try await ServerBootstrap(group: loop)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause())
                }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.accept(channel, listener) }
            }
            .withBoundSocket(socket).get()
        try await loop.submit {
            // NIO makes it listen again, with a backlog of 128.
            _ = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
                listen($0, Self.backlog)
            }
            listener.channel = channel
            self.listeners.append(listener)
            if self.isEnding { channel.close(promise: nil) }
        }.get()
    }

    /// Bytes of incomplete requests, and of responses that wait for their callers.
    public var heldBytes: Int { get async throws { try await loop.submit { self.accounts.held }.get() } }

    /// How many connections there are.
    public var connectionCount: Int { get async throws { try await loop.submit { self.connections.count }.get() } }

    /// Takes no more connections and no more calls, gives those under way their time, then ends them.
    public func shutDown(within grace: Duration) async {
        let end = NIODeadline.now() + TimeAmount(grace)
        let channels = await onLoop {
            self.isEnding = true
            for waiter in self.waiting.values { waiter.resume() }
            self.waiting = [:]
            return self.listeners.compactMap(\.channel)
        }
        // First the listeners: what connects from now on is not to be taken for a connection that drains.
        for channel in channels ?? [] { try? await channel.close() }
        await onLoop { for connection in self.connections { connection.drain() } }
        await waitUntilEmpty(by: end)
        await onLoop { for connection in self.connections { connection.fail(.none, "the server ends") } }
        await waitUntilEmpty(by: .now() + Self.goodbye)
        // Those that do not take it.
        await onLoop { for connection in self.connections { connection.closeNow() } }
        await waitUntilEmpty(by: .now() + Self.goodbye)
    }

    /// Returns when the server begins to end, or the task is cancelled.
    func untilItEnds() async {
        let number = await onLoop {
            self.lastWaiter += 1
            return self.lastWaiter
        }
        guard let number else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { next in
                let isCancelled = Task.isCancelled
                loop.execute {
                    if self.isEnding || isCancelled { next.resume() } else { self.waiting[number] = next }
                }
            }
        } onCancel: {
            loop.execute { self.waiting.removeValue(forKey: number)?.resume() }
        }
    }

    private static let goodbye = TimeAmount.milliseconds(200)

    private func waitUntilEmpty(by end: NIODeadline) async {
        while await onLoop({ !self.connections.isEmpty }) == true, NIODeadline.now() < end {
            // A cancelled task has no time to wait.
            guard (try? await Task.sleep(for: .milliseconds(5))) != nil else { return }
        }
    }

    /// Nil where the event loop has ended.
    @discardableResult
    private func onLoop<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value? {
        try? await loop.submit(work).get()
    }

    private var connections: [ServerConnection] { listeners.flatMap(\.connections.values) }

    private func startTicking() {
        guard ticking == nil else { return }
        ticking = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            for connection in self.connections { connection.tick() }
        }
    }

    /// A server without connections does nothing.
    private func stopTickingIfUnused() {
        guard accounts.isEmpty else { return }
        ticking?.cancel()
        ticking = nil
    }

    private func accept(_ channel: any Channel, _ listener: Listener) throws {
        let pipeline = channel.pipeline.syncOperations
        let found = try pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { try identify($0) }
        guard let peer = found else { throw ConnectionRefused() }
        try attach(channel, listener, peer)
    }

    private func attach(_ channel: any Channel, _ listener: Listener, _ peer: Peer) throws {
        guard !isEnding, listener.hasRoom(for: peer) else { throw ConnectionRefused() }
        let connection = ServerConnection(self, listener.endpoint, peer, accounts.enter(peer), loop)
        listener.add(connection)
        startTicking()
        channel.closeFuture.assumeIsolated().whenComplete { _ in
            listener.remove(connection)
            self.accounts.leave(peer)
            self.stopTickingIfUnused()
        }
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    /// Serves a channel that is no socket: to search for bytes that break the engine. On the event loop.
    package func serve(_ endpoint: Endpoint, over channel: any Channel, of peer: Peer) throws {
        let listener = Listener(endpoint)
        listeners.append(listener)
        try attach(channel, listener, peer)
    }

    /// On the event loop: whether no connection and no byte is left.
    package var isUnused: Bool { connections.isEmpty && accounts.isEmpty && accounts.held == 0 }
}

struct ConnectionRefused: Error {}
