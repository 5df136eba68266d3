// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One call, through all connections that it takes.
// Unchecked: other threads pass it on, and the client reads and changes it on its event loop alone.
final class ClientCall: @unchecked Sendable {
    let path: String
    let message: [UInt8]
    let deadline: NIODeadline?
    let isStreaming: Bool
    weak var stream: ClientStream?
    weak var connection: ClientConnection?
    var isRetried = false
    private(set) var isOver = false
    /// Messages that have come and that no caller has taken.
    private var messages = CircularBuffer<[UInt8]>()
    private var end: Status?
    private var next: CheckedContinuation<[UInt8]?, any Error>?

    init(_ path: String, _ message: [UInt8], _ deadline: NIODeadline?, isStreaming: Bool) {
        (self.path, self.message, self.deadline, self.isStreaming) = (path, message, deadline, isStreaming)
    }

    /// Bytes of messages that wait for the caller.
    private(set) var waitingBytes = 0

    /// One waits for the next message at a time. A unary call has its message when it has its status.
    func wait(_ next: CheckedContinuation<[UInt8]?, any Error>) {
        if isStreaming || isOver, let message = messages.popFirst() {
            waitingBytes -= message.count
            if let stream { connection?.took(from: stream) }
            return next.resume(returning: message)
        }
        if let end { return Self.finish(next, end) }
        self.next = next
    }

    func receive(_ message: [UInt8]) {
        guard !isOver else { return }
        if isStreaming, let next = next.take() { return next.resume(returning: message) }
        messages.append(message)
        waitingBytes += message.count
    }

    /// How many messages have come that no caller has taken.
    var waitingCount: Int { messages.count }

    func end(_ status: Status) {
        guard !isOver else { return }
        isOver = true
        end = status
        if status.code != .ok { messages = [] }
        guard let next = next.take() else { return }
        if let message = messages.popFirst() { next.resume(returning: message) } else { Self.finish(next, status) }
    }

    private static func finish(_ next: CheckedContinuation<[UInt8]?, any Error>, _ status: Status) {
        if status.code == .ok { next.resume(returning: nil) } else { next.resume(throwing: status) }
    }
}
