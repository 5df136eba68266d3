// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// One HTTP/2 stream, from its headers to its end. Its close and the wait for it can come in either order.
///
/// gRPC Swift 2.4 does not cancel a handler when its stream closes, and misses a stream that closes before the handler
/// has begun. A token, which our own channel handler notifies, misses neither.
final class StreamLifetime: Sendable {
    let peer: PeerCredentials
    /// Known when the headers are there, before the call begins.
    let timeout: CallTimeout
    private let state = Mutex<(isClosed: Bool, waiter: CheckedContinuation<Void, Never>?)>((false, nil))

    init(peer: PeerCredentials, timeout: CallTimeout) {
        self.peer = peer
        self.timeout = timeout
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            return state.waiter.take()
        }?.resume()
    }

    /// Returns when the stream has closed or the task is cancelled.
    func closed() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isClosed || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume()
        }
    }
}

/// Hands each stream's token from its channel handler to the interceptor of its call, by a number in a
/// header that only this process writes.
final class StreamLifetimes: Sendable {
    static let headerName = "host-storage-stream"

    private let state = Mutex<(last: UInt64, open: [UInt64: StreamLifetime])>((0, [:]))

    func add(_ token: StreamLifetime) -> UInt64 {
        state.withLock { state in
            state.last += 1
            state.open[state.last] = token
            return state.last
        }
    }

    func take(_ number: UInt64) -> StreamLifetime? { state.withLock { $0.open.removeValue(forKey: number) } }
}
