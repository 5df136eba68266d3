// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The operations that are under way on a host, and the rule that one thing is changed by one at a time.
///
/// * Operations whose keys overlap run one after the other, in the order they came.
/// * A call that equals one under way joins it and shares its outcome, where the operation can be shared.
/// * A call that waits longer than ``patience`` fails with ``StorageError/Code/aborted`` and the name and
///   age of the operation in its way.
/// * An operation, once begun, runs to its end. A caller that is cancelled leaves at once; the operation
///   keeps its keys and stays in ``running`` until it has really ended.
public final class OperationRegistry: Sendable {
    private let state = Mutex(State())
    private let patience: Duration

    /// - Parameter patience: how long a call waits for the operations in its way.
    public init(patience: Duration) { self.patience = patience }

    /// An operation under way.
    public struct Running: Sendable, Hashable {
        public var operation: Operation
        public var age: Duration
    }

    /// The operations under way, the oldest first.
    public var running: [Running] {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.entries.values.sorted { $0.began < $1.began }
                .map { Running(operation: $0.operation, age: $0.began.duration(to: now)) }
        }
    }

    /// Runs `body` while holding the operation's keys, or joins the same operation under way.
    public func perform<Value: Sendable>(
        _ operation: Operation, _ body: @escaping @Sendable () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let id = state.withLock { state in
            defer { state.lastID += 1 }
            return state.lastID
        }
        let run: Run = { [self] in
            // Not a child task: the operation must outlive its caller.
            Task {
                let outcome: Outcome
                do throws(StorageError) { outcome = .success(try await body()) } catch { outcome = .failure(error) }
                finish(operation, outcome)
            }
        }
        let watch = Task { [patience] in
            // A cancelled sleep means that the wait is over either way.
            guard (try? await Task.sleep(for: patience)) != nil else { return }
            abandon(id, of: operation)
        }
        defer {
            watch.cancel()
            state.withLock { _ = $0.left.remove(id) }
        }

        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enter(Caller(id: id, operation: operation, run: run, continuation: continuation))
            }
        } onCancel: {
            leave(id, with: Self.left(operation))
        }
        switch outcome {
        case .failure(let error): throw error
        case .success(let value):
            guard let value = value as? Value else {
                throw StorageError(.internalError, "\(operation) ended with another kind of answer")
            }
            return value
        }
    }

    // MARK: - Inside

    private typealias Outcome = Result<any Sendable, StorageError>
    private typealias Run = @Sendable () -> Void

    private struct Caller {
        var id: Int
        var operation: Operation
        var run: Run
        var continuation: CheckedContinuation<Outcome, Never>
    }

    private struct Entry {
        var operation: Operation
        var began: ContinuousClock.Instant
        var callers: [Int: CheckedContinuation<Outcome, Never>]
    }

    private struct State {
        var lastID = 0
        var entries: [Operation: Entry] = [:]
        var waiting: [Caller] = []
        /// Callers that were cancelled and are neither waiting nor joined: not here yet, or done.
        var left: Set<Int> = []

        func entryInTheWay(of operation: Operation) -> Entry? {
            entries.values.first { !$0.operation.keys.isDisjoint(with: operation.keys) }
        }

        /// Begins or joins what can be begun or joined, and returns what is to be started.
        mutating func admit() -> [Run] {
            var runs: [Run] = []
            var blocked: Set<LockKey> = []
            waiting = waiting.filter { caller in
                let operation = caller.operation
                if operation.isShared, entries[operation] != nil {
                    entries[operation]?.callers[caller.id] = caller.continuation
                    return false
                }
                // Nobody overtakes: who waits for a key keeps it from those behind.
                if entryInTheWay(of: operation) != nil || !blocked.isDisjoint(with: operation.keys) {
                    blocked.formUnion(operation.keys)
                    return true
                }
                entries[operation] = Entry(
                    operation: operation, began: .now, callers: [caller.id: caller.continuation])
                runs.append(caller.run)
                return false
            }
            return runs
        }
    }

    private func enter(_ caller: Caller) {
        let runs = state.withLock { state -> [Run]? in
            // Its cancellation may have come before its continuation did, and found nobody to tell.
            guard !state.left.contains(caller.id) else { return nil }
            state.waiting.append(caller)
            return state.admit()
        }
        guard let runs else {
            caller.continuation.resume(returning: .failure(Self.left(caller.operation)))
            return
        }
        for run in runs { run() }
    }

    private func finish(_ operation: Operation, _ outcome: Outcome) {
        let (callers, runs) = state.withLock { state in
            let callers = state.entries.removeValue(forKey: operation)?.callers ?? [:]
            return (callers, state.admit())
        }
        for run in runs { run() }
        for caller in callers.values { caller.resume(returning: outcome) }
    }

    /// Takes one caller out, whether it still waits for its turn or already for an outcome.
    private func leave(_ id: Int, with error: StorageError) {
        let (caller, runs) = state.withLock { state -> (CheckedContinuation<Outcome, Never>?, [Run]) in
            if let index = state.waiting.firstIndex(where: { $0.id == id }) {
                let caller = state.waiting.remove(at: index).continuation
                return (caller, state.admit())
            }
            for operation in state.entries.keys {
                if let caller = state.entries[operation]?.callers.removeValue(forKey: id) { return (caller, []) }
            }
            state.left.insert(id)
            return (nil, [])
        }
        for run in runs { run() }
        caller?.resume(returning: .failure(error))
    }

    /// Ends a wait that took too long. A caller whose operation has begun is left alone.
    private func abandon(_ id: Int, of operation: Operation) {
        let error = state.withLock { state -> StorageError? in
            guard state.waiting.contains(where: { $0.id == id }) else { return nil }
            let holder = state.entryInTheWay(of: operation)
            let reason = holder.map { "\($0.operation) has been running for \($0.began.duration(to: .now))" }
            return StorageError(.aborted, reason ?? "other operations are waiting before it")
                .during(operation.name, operation.subject)
        }
        if let error { leave(id, with: error) }
    }

    private static func left(_ operation: Operation) -> StorageError {
        StorageError(.cancelled, "the caller gave up").during(operation.name, operation.subject)
    }
}
