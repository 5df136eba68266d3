// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Runs `work` and waits for it, for as long as the caller does. Work that is cancelled can sleep in the kernel all the
/// same, and its caller is answered at once.
func leaving<Value: Sendable>(
    _ work: @escaping @Sendable () async throws(StorageError) -> Value
) async throws(StorageError) -> Value {
    let answer = PendingAnswer<Value>()
    // On its caller's executor, so that an answer from a queue does not come by another thread.
    let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
    let task = Task.immediate(executorPreference: executor) {
        do throws(StorageError) { answer.give(.success(try await work())) } catch { answer.give(.failure(error)) }
    }
    return try await withTaskCancellationHandler {
        await answer.wait()
    } onCancel: {
        task.cancel()
        answer.give(.failure(StorageError(.cancelled, "the caller gave up")))
    }.get()
}

/// One answer, for one waiting caller. The first given counts.
package final class PendingAnswer<Value: Sendable>: Sendable {
    private enum State {
        case pending(CheckedContinuation<Result<Value, StorageError>, Never>?)
        case given(Result<Value, StorageError>)
        case taken
    }

    private let state = Mutex(State.pending(nil))

    package init() {}

    /// Whether no caller waits for an answer any more.
    package var isGiven: Bool { state.withLock { if case .pending = $0 { false } else { true } } }

    /// Keeps nothing of the result when its caller goes on.
    package func give(_ given: consuming Result<Value, StorageError>) {
        var result = Optional(consume given)
        let waiter = state.withLock { state -> CheckedContinuation<Result<Value, StorageError>, Never>? in
            guard case .pending(let waiter) = state else { return nil }
            if waiter == nil, let result = result.take() { state = .given(result) } else { state = .taken }
            return waiter
        }
        if let waiter, let result = result.take() { waiter.resume(returning: consume result) }
    }

    package func wait() async -> Result<Value, StorageError> {
        await withCheckedContinuation { continuation in
            let result = state.withLock { state -> Result<Value, StorageError>? in
                guard case .given(let result) = state else {
                    state = .pending(continuation)
                    return nil
                }
                state = .taken
                return result
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
