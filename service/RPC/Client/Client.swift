// SPDX-License-Identifier: Apache-2.0

public import NIOCore
import NIOPosix

/// Calls a server at a Unix socket, over one connection that is made when it is needed.
// Unchecked: public methods go to the event loop first (onLoop), and only there its state is read and changed.
public final class Client: @unchecked Sendable {
    /// The most bytes of a response.
    let limit: Int
    let authority: String
    let metadata: [(String, String)]
    private let path: String
    private let loop: any EventLoop
    private let connectTimeout: TimeAmount
    private let keepaliveSeconds: Int?
    private var connection: ClientConnection?
    private var isConnecting = false
    private var isClosed = false
    /// Calls that wait for a connection, or for a place on it.
    private var waiting = CircularBuffer<ClientCall>()
    private var timer = DeadlineTimer()
    /// Calls with a deadline.
    private var timed: [ObjectIdentifier: ClientCall] = [:]
    private var ticking: RepeatedTask?

    /// - Parameters:
    ///   - path: the socket's.
    ///   - connectTimeout: how long the connection may take, until the server has spoken.
    ///   - keepaliveSeconds: after how many seconds of silence a server is asked whether it is there while calls wait;
    ///     nil for never.
    ///   - metadata: further header fields of every call.
    public init(
        path: String, on loop: any EventLoop, limit: Int = Method.customaryLimit,
        connectTimeout: TimeAmount = .seconds(5), keepaliveSeconds: Int? = nil, authority: String = "localhost",
        metadata: [(String, String)] = []
    ) {
        (self.path, self.loop, self.limit, self.authority) = (path, loop, limit, authority)
        (self.connectTimeout, self.keepaliveSeconds, self.metadata) = (connectTimeout, keepaliveSeconds, metadata)
    }

    /// One message for one. The task's cancellation ends the call.
    public func unary(_ path: String, _ message: [UInt8], timeout: Duration? = nil) async throws(Status) -> [UInt8] {
        let call = ClientCall(path, message, timeout.map(Self.deadline), isStreaming: false)
        onLoop { self.begin(call) }
        guard let response = try await next(of: call) else {
            throw Status(.internalError, "the response has no message")
        }
        return response
    }

    /// One message for a sequence of them.
    public func responses(_ path: String, _ message: [UInt8], timeout: Duration? = nil) -> Responses {
        let call = ClientCall(path, message, timeout.map(Self.deadline), isStreaming: true)
        onLoop { self.begin(call) }
        return Responses(client: self, call: call)
    }

    /// Ends the connection and the calls on it. A client that is not used any more is to be closed.
    public func close() {
        onLoop {
            self.isClosed = true
            self.ticking?.cancel()
            self.connection?.fail(.none)
            self.failWaiting(Status(.unavailable, "the client is closed"))
        }
    }

    /// The next message of a call; nil after the last one.
    func next(of call: ClientCall) async throws(Status) -> [UInt8]? {
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { next in onLoop { call.wait(next) } }
            } onCancel: {
                cancel(call)
            }
        } catch {
            throw error as? Status ?? Status(.internalError, "\(error)")
        }
    }

    func cancel(_ call: ClientCall) {
        onLoop { self.end(call, Status(.cancelled, "the caller has cancelled the call")) }
    }

    private static func deadline(_ timeout: Duration) -> NIODeadline {
        .now() + max(min(TimeAmount(timeout), CallTimeout.greatest), .nanoseconds(0))
    }

    private func onLoop(_ work: @escaping @Sendable () -> Void) {
        if loop.inEventLoop { work() } else { loop.execute(work) }
    }

    // MARK: calls

    private func begin(_ call: ClientCall) {
        guard !call.isOver else { return }
        if let deadline = call.deadline {
            timed[ObjectIdentifier(call)] = call
            arm(deadline)
        }
        send(call)
    }

    func send(_ call: ClientCall) {
        guard !call.isOver else { return }
        guard !isClosed else { return ended(call, Status(.unavailable, "the client is closed")) }
        if let connection, !connection.isLeaving, connection.hasRoom, waiting.isEmpty {
            return connection.send(call)
        }
        waiting.append(call)
        if connection?.isLeaving ?? true { connect() }
    }

    func hasRoom(on connection: ClientConnection) {
        guard connection === self.connection else { return }
        while !connection.isLeaving, connection.hasRoom, let call = waiting.popFirst() {
            if !call.isOver { connection.send(call) }
        }
        if connection.isLeaving, !waiting.isEmpty { connect() }
    }

    /// The call has its status.
    func ended(_ call: ClientCall, _ status: Status) {
        if call.deadline != nil { timed[ObjectIdentifier(call)] = nil }
        call.end(status)
    }

    /// Ends a call from this side.
    private func end(_ call: ClientCall, _ status: Status) {
        guard !call.isOver else { return }
        ended(call, status)
        if let stream = call.stream, let connection = call.connection, connection.streams[stream.id] === stream {
            connection.reset(stream, .cancel)
        }
    }

    private func failWaiting(_ status: Status) {
        let lost = waiting
        waiting = []
        for call in lost { ended(call, status) }
    }

    // MARK: connections

    /// While the socket's backlog is full: the server is there and busy.
    private static let pauseBeforeRetry = TimeAmount.milliseconds(5)

    private func connect() {
        guard !isConnecting else { return }
        isConnecting = true
        let end = NIODeadline.now() + connectTimeout
        connect(by: end)
    }

    private func connect(by end: NIODeadline) {
        let connection = ClientConnection(self)
        let bound = NIOLoopBound(connection, eventLoop: loop)
        ClientBootstrap(group: loop)
            .connectTimeout(max(end - .now(), .milliseconds(1)))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .connect(unixDomainSocketPath: path)
            .hop(to: loop).assumeIsolated().whenComplete { result in
                switch result {
                case .success: self.connected(connection, by: end)
                case .failure(let error):
                    // EAGAIN (unix(7)).
                    if (error as? IOError)?.errnoCode == 11, NIODeadline.now() < end, !self.isClosed {
                        self.loop.assumeIsolated().scheduleTask(in: Self.pauseBeforeRetry) { self.connect(by: end) }
                        return
                    }
                    self.isConnecting = false
                    self.failWaiting(Status(.unavailable, "no server answers: \(error)"))
                }
            }
    }

    private func connected(_ connection: ClientConnection, by end: NIODeadline) {
        isConnecting = false
        guard !isClosed else { return connection.closeNow() }
        self.connection = connection
        if !connection.isReady {
            loop.assumeIsolated().scheduleTask(deadline: end) { [weak self, weak connection] () -> Void in
                guard let connection, !connection.isReady else { return }
                connection.fail(.settingsTimeout)
                self?.failWaiting(Status(.unavailable, "what listens there does not answer as a server"))
            }
        }
        if let keepaliveSeconds, ticking == nil {
            ticking = loop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) {
                [weak self] _ in
                self?.connection?.tick(keepaliveSeconds)
            }
        }
        hasRoom(on: connection)
    }

    func left(_ connection: ClientConnection) {
        guard connection === self.connection else { return }
        self.connection = nil
        // Those that had no place on it go to the next one.
        if !waiting.isEmpty { connect() }
    }

    // MARK: deadlines

    private func arm(_ deadline: NIODeadline) {
        timer.arm(deadline, on: loop) { [weak self] in self?.deadlinePassed() }
    }

    private func deadlinePassed() {
        timer.stop()
        let now = NIODeadline.now()
        var next: NIODeadline?
        for call in timed.values {
            guard let deadline = call.deadline else { continue }
            if deadline <= now {
                end(call, Status(.deadlineExceeded, "the deadline has passed"))
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        if let next { arm(next) }
    }
}
