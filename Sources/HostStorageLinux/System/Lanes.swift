// SPDX-License-Identifier: Apache-2.0

import Dispatch
import HostStorage
import Synchronization

/// Where everything runs that can sleep in the kernel: off Swift's cooperative pool, one thing at a time
/// per lane, each lane on its own.
///
/// A lane is named after the disk or path that its work is about. When one hangs, the work behind it on
/// the same disk or path waits, and everything else goes on. The number of jobs under way and waiting is
/// bounded; beyond it calls fail at once with ``StorageError/Code/exhausted``.
final class Lanes: Sendable {
    enum Lane: Hashable, Sendable {
        case disk(name: String)
        case path(HostPath)
        case inventory
    }

    private struct State {
        var lanes: [Lane: (queue: DispatchQueue, jobs: Int)] = [:]
        var jobs = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    /// - Parameter limit: the most jobs under way and waiting. libdispatch gives serial queues at most 255
    ///   threads, so it stays below.
    init(limit: Int = 200) { self.limit = limit }

    /// Runs `work` in `lane`. A caller that is cancelled, or that has waited for `timeout`, leaves; the
    /// work goes on and keeps its lane until it ends.
    func run<Value: Sendable>(
        in lane: Lane, timeout: Duration? = nil, _ work: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let answer = Answer<Value>()
        let queue = try enter(lane)
        queue.async { [self] in
            let result: Result<Value, StorageError>
            do throws(StorageError) { result = .success(try work()) } catch { result = .failure(error) }
            leave(lane)
            answer.give(result)
        }
        let watch = timeout.map { timeout in
            Task {
                guard (try? await Task.sleep(for: timeout)) != nil else { return }
                answer.give(.failure(StorageError(.deadlineExceeded, "it has not answered within \(timeout)")))
            }
        }
        defer { watch?.cancel() }
        return try await withTaskCancellationHandler {
            await answer.wait()
        } onCancel: {
            answer.give(.failure(StorageError(.cancelled, "the caller gave up")))
        }.get()
    }

    private func enter(_ lane: Lane) throws(StorageError) -> DispatchQueue {
        let queue = state.withLock { state -> DispatchQueue? in
            guard state.jobs < limit else { return nil }
            state.jobs += 1
            var (queue, jobs) = state.lanes[lane] ?? (DispatchQueue(label: "host-storage.lane"), 0)
            jobs += 1
            state.lanes[lane] = (queue, jobs)
            return queue
        }
        guard let queue else {
            throw StorageError(.exhausted, "\(limit) operations are under way and do not end")
        }
        return queue
    }

    private func leave(_ lane: Lane) {
        state.withLock { state in
            state.jobs -= 1
            guard let (queue, jobs) = state.lanes[lane] else { return }
            state.lanes[lane] = jobs == 1 ? nil : (queue, jobs - 1)
        }
    }
}

/// One answer, for one who waits for it. The first given counts.
private final class Answer<Value: Sendable>: Sendable {
    private enum State {
        case pending(CheckedContinuation<Result<Value, StorageError>, Never>?)
        case given(Result<Value, StorageError>)
        case taken
    }

    private let state = Mutex(State.pending(nil))

    func give(_ result: Result<Value, StorageError>) {
        let waiter = state.withLock { state -> CheckedContinuation<Result<Value, StorageError>, Never>? in
            guard case .pending(let waiter) = state else { return nil }
            state = waiter == nil ? .given(result) : .taken
            return waiter
        }
        waiter?.resume(returning: result)
    }

    func wait() async -> Result<Value, StorageError> {
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
