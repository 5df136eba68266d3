// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A call that does not return until it is released, like a call on a dead device.
///
/// A call in it cannot be cancelled: a caller that leaves leaves the call behind.
public final class Hang: Sendable {
    private struct State {
        var isReleased = false
        var entered = 0
        var stuck: [CheckedContinuation<Void, Never>] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// How many calls came in so far, released ones included.
    public var entered: Int { state.withLock { $0.entered } }

    /// Releases the calls that hang, and later ones.
    public func release() {
        let stuck = state.withLock { state in
            state.isReleased = true
            defer { state.stuck = [] }
            return state.stuck
        }
        for call in stuck { call.resume() }
    }

    /// Returns when `count` calls have come in, so that a test need not sleep until they probably have.
    public func reached(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.entered >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }

    /// Comes in and hangs.
    public func wait() async {
        await withCheckedContinuation { continuation in
            let (watchers, passes) = state.withLock { state in
                state.entered += 1
                let entered = state.entered
                let watchers = state.watchers.filter { $0.count <= entered }
                state.watchers.removeAll { $0.count <= entered }
                if !state.isReleased { state.stuck.append(continuation) }
                return (watchers, state.isReleased)
            }
            for watcher in watchers { watcher.continuation.resume() }
            if passes { continuation.resume() }
        }
    }
}
