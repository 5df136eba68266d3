// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The calls of one connection of a server.
// Unchecked, as its base: confined to its channel's event loop.
final class ServerConnection: Connection, @unchecked Sendable {
    let loop: any EventLoop
    let peer: Peer
    let account: ProcessAccount
    private let server: Server
    private let endpoint: Endpoint
    private let budget: Budget
    private var head = RequestHead()
    /// Calls whose stream is open or whose task still runs: a reset makes no room for more work than before.
    private(set) var load = 0
    private var timer = DeadlineTimer()
    private var seconds = 0
    /// Seconds without calls.
    private(set) var idleSeconds = 0
    private var pingedSeconds: Int?
    private var failedSeconds = 0
    private var isDraining = false
    /// The last stream that is served.
    private var drainedAt: UInt32?
    /// What it may still do in its turn.
    private var credit = Turns.quantum
    private var isQueued = false

    private static let pingOfDrain: UInt64 = 0x6472_6169_6e00_0001
    private static let pingOfLife: UInt64 = 0x616c_6976_6500_0001
    /// What takes a connection away that takes no goodbye.
    private static let goodbyeSeconds = 5

    init(_ server: Server, _ endpoint: Endpoint, _ peer: Peer, _ account: ProcessAccount, _ loop: any EventLoop) {
        (self.server, self.endpoint, self.peer, self.account, self.loop) = (server, endpoint, peer, account, loop)
        budget = Budget(server.limits.bytesPerConnection, within: account.budget)
        super.init(isServer: true, chatterPeriod: .seconds(Int64(server.limits.chatterSeconds)))
    }

    override var maxStreamsOffered: UInt32? { UInt32(server.limits.streams) }

    func onLoop(_ work: @escaping @Sendable () -> Void) {
        if loop.inEventLoop { work() } else { loop.execute(work) }
    }

    // MARK: its share

    override func mayHandle(_ head: FrameHead) -> Bool {
        guard credit > 0, account.user.credit > 0 else { return false }
        charge(Turns.cost(of: head))
        return true
    }

    /// Charges work beyond a frame's own cost.
    func charge(_ cost: Int) {
        credit -= cost
        account.user.credit -= cost
    }

    override func park() {
        guard !isQueued, context?.channel.isWritable == true else { return }
        isQueued = true
        server.turns.add(self)
    }

    func takeTurn() {
        isQueued = false
        credit = Turns.quantum
        takeUp()
    }

    override func hold(_ bytes: Int) -> Bool { budget.take(bytes) }

    // MARK: requests

    override func received(_ field: HeaderField) { head.add(field) }

    override func received(headOf id: UInt32, ended: Bool) throws(ErrorCode) {
        let head = head
        self.head = RequestHead()
        if let stream = streams[id] {
            guard ended, !head.isMalformed, head.isTrailers else { return reset(stream, .protocolError) }
            return requestEnded(unsafeDowncast(stream, to: ServerStream.self))
        }
        lastStream = id
        guard drainedAt == nil, load < server.limits.streams else {
            // Its other calls go on, and this one can be repeated.
            try chatter.spend(0.1)
            if !ended { unfinished.insert(id) }
            return output.writeReset(id, .refusedStream)
        }
        guard !head.isMalformed, head.isComplete else {
            try chatter.spend(1)
            if !ended { unfinished.insert(id) }
            return output.writeReset(id, .protocolError)
        }
        guard head.method == Array("POST".utf8) else {
            return refuse(id, Status(.internalError, "the method is not POST"), .methodNotAllowed, ended)
        }
        guard head.isGRPC else {
            return refuse(
                id, Status(.internalError, "the content-type is not application/grpc"), .unsupportedMediaType, ended)
        }
        guard let method = endpoint.methods[head.path] else {
            endpoint.gate.refusedUnknownMethod(by: peer)
            return refuse(id, Status(.unimplemented, "there is no such method"), .ok, ended)
        }
        begin(id, method, head, ended)
    }

    private func begin(_ id: UInt32, _ method: Method, _ head: RequestHead, _ ended: Bool) {
        let now = NIODeadline.now()
        let timeout = head.timeouts.first.flatMap { CallTimeout.read($0) }
        let call = Call(peer: peer, path: method.path, deadline: timeout.map { now + $0 }, began: now)
        endpoint.gate.began(call)
        if let (status, encodings) = fault(call, head, timeout) {
            endpoint.gate.ended(call, status.code)
            return refuse(id, status, .ok, ended, encodings: encodings)
        }
        let stream = ServerStream(
            id: id, sendWindow: sending.initialWindow, method: method, call: call, announcedLength: head.contentLength)
        load += 1
        open(stream, ended: ended)
        if let deadline = call.deadline { arm(deadline) }
        if ended { requestEnded(stream) }
    }

    /// What is wrong with a call, by its headers. Who calls comes first: others learn no more.
    private func fault(_ call: Call, _ head: RequestHead, _ timeout: TimeAmount?) -> (Status, String?)? {
        if let refusal = endpoint.gate.refusal(of: call) { return (refusal, nil) }
        if head.size > Self.maxHeaderList {
            return (Status(.resourceExhausted, "the headers are larger than \(Self.maxHeaderList) bytes"), nil)
        }
        if head.timeouts.count > 1 || head.timeouts.count == 1 && timeout == nil {
            let text = """
                the grpc-timeout header is to be there once, with one to eight digits and a unit of H, M, S, m, u or n
                """
            return (Status(.invalidArgument, text), nil)
        }
        if let timeout, timeout <= .nanoseconds(0) {
            return (Status(.deadlineExceeded, "the deadline has passed"), nil)
        }
        if let encoding = head.encoding, encoding != Array("identity".utf8) {
            return (Status(.unimplemented, "compression is not supported"), "identity")
        }
        return nil
    }

    /// Answers a call that is not begun.
    private func refuse(
        _ id: UInt32, _ status: Status, _ http: StatusBlock.HTTPStatus, _ ended: Bool, encodings: String? = nil
    ) {
        output.writeHead(id, StatusBlock.trailersOnly(status, http: http, encodings: encodings), ended: true)
        if !ended {
            unfinished.insert(id)
            output.writeReset(id, .none)
        }
        chatter.earn()
    }

    override func received(_ data: inout ByteBuffer, on stream: Stream, ended: Bool) -> Bool {
        let stream = unsafeDowncast(stream, to: ServerStream.self)
        guard !stream.isAnswered else { return true }
        stream.received += data.readableBytes
        if let announced = stream.announcedLength, stream.received > announced || ended && stream.received < announced {
            reset(stream, .protocolError)
            return false
        }
        if case .each = stream.method.work {
            received(&data, ofEach: stream)
            return false
        }
        if let status = take(&data, of: stream) {
            finish(stream, status)
            return false
        }
        if ended { requestEnded(stream) }
        return true
    }

    /// - Returns: What is wrong with the request.
    private func take(_ data: inout ByteBuffer, of stream: ServerStream) -> Status? {
        stream.prefix.take(&data)
        guard let flag = stream.prefix.flag else { return nil }
        guard flag == 0 else {
            return (flag == 1 ? MessageFault.compressed : .unknownFlags).status
        }
        guard let length = stream.prefix.length else { return nil }
        guard length <= stream.method.limit else {
            return MessageFault.tooLarge(length, limit: stream.method.limit).status
        }
        guard stream.body.readableBytes + data.readableBytes <= length else {
            return Status(.internalError, "there is more than one message")
        }
        if stream.body.readableBytes == 0, data.readableBytes == length {
            stream.body = data  // Nearly always: one frame, which is not copied and not kept.
            return nil
        }
        guard data.readableBytes > 0 else { return nil }
        let needed = stream.body.readableBytes + data.readableBytes
        if needed > stream.heldForBody {
            // Twice as much each time, and no more than the message takes. Buffers grow to powers of two.
            let capacity = max(needed, min(length, needed * 2), 256).roundedUpToPowerOf2
            guard hold(capacity - stream.heldForBody) else {
                return Status(.resourceExhausted, "too many requests are incomplete")
            }
            stream.heldForBody = capacity
            stream.body.reserveCapacity(capacity)
        }
        stream.body.writeBuffer(&data)
        return nil
    }

    private func requestEnded(_ stream: ServerStream) {
        guard !stream.isAnswered, !stream.isWorking else { return }
        if let announced = stream.announcedLength, announced != stream.received {
            return reset(stream, .protocolError)
        }
        guard case .one(let answer) = stream.method.work else { return answerEach(stream) }
        let body = stream.body
        release(bodyOf: stream)
        guard stream.prefix.flag != nil else {
            return finish(stream, Status(.invalidArgument, "there is no message"))
        }
        guard body.readableBytes == stream.prefix.length else {
            return finish(stream, Status(.invalidArgument, "the message is cut short"))
        }
        if let deadline = stream.call.deadline, deadline <= .now() {
            return finish(stream, Status(.deadlineExceeded, "the deadline has passed"))
        }
        do throws(Status) {
            switch try answer(stream.call, Array(body.readableBytesView)) {
            case .now(let message): finish(stream, message)
            case .later(let work):
                start(stream) { [self] in
                    do throws(Status) {
                        let message = try await work()
                        onLoop { self.ended(stream) { self.finish(stream, message) } }
                    } catch {
                        onLoop { self.ended(stream) { self.finish(stream, error) } }
                    }
                }
            case .stream(let work):
                start(stream) { [self] in
                    do throws(Status) {
                        try await work(ResponseWriter(connection: self, stream: stream))
                        onLoop { self.ended(stream) { self.finish(stream, Status(.ok, "")) } }
                    } catch {
                        onLoop { self.ended(stream) { self.finish(stream, error) } }
                    }
                }
            }
        } catch {
            finish(stream, error)
        }
    }

    private func start(_ stream: ServerStream, _ work: @escaping @Sendable () async -> Void) {
        stream.isWorking = true
        let task = Task.immediate(executorPreference: server.executor, operation: work)
        if stream.isWorking { stream.task = task }
    }

    private func ended(_ stream: ServerStream, _ finish: () -> Void) {
        stream.isWorking = false
        stream.task = nil
        if stream.isOpen, !stream.isAnswered { finish() }
        unload(stream)
    }

    // MARK: answers

    private func finish(_ stream: ServerStream, _ message: [UInt8]) {
        stream.isAnswered = true
        output.writeHead(stream.id, StatusBlock.head, ended: false)
        if sending.send(message, on: stream, .trailers(StatusBlock.ok)) {
            report(stream, .ok)
        } else {
            let status = Status(.resourceExhausted, "too many responses wait for their caller")
            sending.end(stream, StatusBlock.trailers(status))
            report(stream, status.code)
        }
        chatter.earn()
        if sending.isSent(stream) { close(stream) }
    }

    func finish(_ stream: ServerStream, _ status: Status) {
        stream.isAnswered = true
        release(bodyOf: stream)
        stream.task?.cancel()
        stream.waiter.take()?.resume(throwing: Status(.cancelled, "the call has ended"))
        if stream.isHeadSent {
            sending.end(stream, StatusBlock.trailers(status))
        } else {
            output.writeHead(stream.id, StatusBlock.trailersOnly(status), ended: true)
        }
        report(stream, status.code)
        chatter.earn()
        if sending.isSent(stream) { close(stream) }
    }

    private func report(_ stream: ServerStream, _ code: StatusCode) {
        guard !stream.isReported else { return }
        stream.isReported = true
        endpoint.gate.ended(stream.call, code)
    }

    /// All has been said on our side.
    private func close(_ stream: ServerStream) {
        guard streams[stream.id] === stream else { return }
        if !stream.isRemoteEnded { output.writeReset(stream.id, .none) }
        remove(stream.id)
        closed(stream, .none)
    }

    override func closed(_ stream: Stream, _ code: ErrorCode) {
        let stream = unsafeDowncast(stream, to: ServerStream.self)
        guard stream.isOpen else { return }
        stream.isOpen = false
        // One that is answered is reported with its answer.
        if !stream.isAnswered { report(stream, .cancelled) }
        stream.isAnswered = true
        release(bodyOf: stream)
        stream.task?.cancel()
        stream.waiter.take()?.resume(throwing: Status(.cancelled, "the call has ended"))
        unload(stream)
    }

    private func unload(_ stream: ServerStream) {
        guard !stream.isOpen, !stream.isWorking, stream.isCounted else { return }
        stream.isCounted = false
        load -= 1
        if drainedAt != nil, streams.isEmpty, !isFailed { closeWhenSent() }
    }

    func release(bodyOf stream: ServerStream) {
        stream.body = ByteBuffer()
        guard stream.heldForBody > 0 else { return }
        _ = hold(-stream.heldForBody)
        stream.heldForBody = 0
    }

    override func drained(_ stream: Stream) {
        let stream = unsafeDowncast(stream, to: ServerStream.self)
        if stream.isAnswered {
            if sending.isSent(stream), stream.isOpen { close(stream) }
        } else {
            stream.waiter.take()?.resume()
            answerEach(stream)
        }
    }

    /// - Returns: False where the sender is to wait, as much waits for the peer already.
    func send(_ message: [UInt8], on stream: ServerStream) throws(Status) -> Bool {
        guard stream.isOpen, !stream.isAnswered else { throw Status(.cancelled, "the call has ended") }
        if !stream.isHeadSent {
            stream.isHeadSent = true
            output.writeHead(stream.id, StatusBlock.head, ended: false)
        }
        guard sending.send(message, on: stream, nil) else {
            throw Status(.resourceExhausted, "too many responses wait for their caller")
        }
        chatter.earn()
        return stream.pending.readableBytes < SendQueue.enough
    }

    func wait(for stream: ServerStream, _ next: CheckedContinuation<Void, any Error>) {
        guard stream.isOpen, !stream.isAnswered else {
            return next.resume(throwing: Status(.cancelled, "the call has ended"))
        }
        guard stream.pending.readableBytes >= SendQueue.enough else { return next.resume() }
        stream.waiter = next
    }

    // MARK: time

    private func arm(_ deadline: NIODeadline) {
        timer.arm(deadline, on: loop) { [weak self] in self?.deadlinePassed() }
    }

    private func deadlinePassed() {
        timer.stop()
        let now = NIODeadline.now()
        var next: NIODeadline?
        for case let stream as ServerStream in streams.values where !stream.isAnswered {
            guard let deadline = stream.call.deadline else { continue }
            if deadline <= now {
                finish(stream, Status(.deadlineExceeded, "the deadline has passed"))
            } else {
                next = min(next ?? deadline, deadline)
            }
        }
        if let next { arm(next) }
    }

    /// Once a second.
    func tick() {
        let limits = server.limits
        countSecond()
        seconds += 1
        if isFailed {
            // It does not even take our goodbye.
            failedSeconds += 1
            if failedSeconds > Self.goodbyeSeconds { closeNow() }
            return
        }
        guard isReady else {
            if seconds > limits.handshakeSeconds { fail(.settingsTimeout, "no handshake in time") }
            return
        }
        if partialSeconds > limits.frameSeconds { return fail(.protocolError, "a frame did not come in time") }
        if unwritableSeconds > limits.stallSeconds { return closeNow() }
        keepAlive()
        idleSeconds = streams.isEmpty && load == 0 ? idleSeconds + 1 : 0
        if idleSeconds == limits.idleSeconds { drain() }
        for case let stream as ServerStream in streams.values {
            stream.ageSeconds += 1
            if stream.pending.readableBytes > 0, stream.idleSeconds > limits.stallSeconds {
                reset(stream, .cancel)
            } else if !stream.isRemoteEnded, !stream.isAnswered, stream.ageSeconds > limits.requestSeconds {
                finish(stream, Status(.cancelled, "the request did not come in time"))
            }
        }
    }

    private func keepAlive() {
        guard quietSeconds >= server.limits.keepaliveSeconds else {
            pingedSeconds = nil
            return
        }
        guard let pinged = pingedSeconds else {
            pingedSeconds = quietSeconds
            return output.writePing(Self.pingOfLife)
        }
        if quietSeconds - pinged > server.limits.keepaliveTimeoutSeconds { closeNow() }
    }

    /// Ends in peace: says so, waits for what is on its way (a ping's turn), then takes no more and ends with the last
    /// call (RFC 9113, section 6.8).
    func drain() {
        guard !isDraining, !isFailed else { return }
        guard isReady, context != nil else { return closeNow() }
        isDraining = true
        output.writeGoAway(0x7fff_ffff, .none)
        output.writePing(Self.pingOfDrain)
        loop.assumeIsolated().scheduleTask(in: .seconds(Int64(server.limits.drainSeconds))) { [weak self] () -> Void in
            self?.drainFurther()
        }
    }

    override func received(pong: UInt64) {
        if pong == Self.pingOfDrain { drainFurther() }
        if pong == Self.pingOfLife { pingedSeconds = nil }
    }

    private func drainFurther() {
        guard isDraining, drainedAt == nil, !isFailed else { return }
        drainedAt = lastStream
        output.writeGoAway(lastStream, .none)
        if streams.isEmpty { closeWhenSent() }
    }

    override func disconnected() {
        timer.stop()
    }
}
