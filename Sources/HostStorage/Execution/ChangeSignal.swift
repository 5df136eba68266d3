// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Wakes the tasks that wait for a change of something. Changes are counted, so none is missed between a look and a
/// wait.
package final class ChangeSignal: Sendable {
    private struct State {
        var count: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var waits: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// How many changes there have been.
    package var count: UInt64 { state.withLock { $0.count } }

    package func wake() {
        let waiting = state.withLock { state in
            state.count += 1
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Returns when there have been more changes than `count`, or the task is cancelled.
    package func wait(after count: UInt64) async {
        let id = state.withLock { state in
            state.waits += 1
            return state.waits
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.count > count || Task.isCancelled { return true }
                    state.waiting[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
        }
    }
}
