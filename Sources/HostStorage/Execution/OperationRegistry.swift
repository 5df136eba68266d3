// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// One call that changes the host, as the registry has it.
public struct RegisteredOperation: Sendable, Equatable, CustomStringConvertible {
    /// A verb phrase: "format volume".
    public let name: String
    /// Its subject and parameters, for people.
    public let subject: String
    package let keys: Set<LockKey>
    /// Distinguishes it from other calls; nil where no call may share its outcome.
    private let value: (any Equatable & Sendable)?
    /// What its caller may reach. Callers with different confinements do not share an outcome.
    private let confinement: CallConfinement?

    package init(
        _ name: String, _ subject: String, keys: Set<LockKey>, value: (any Equatable & Sendable)?,
        within confinement: CallConfinement? = nil
    ) {
        self.name = name
        self.subject = subject
        self.keys = keys
        self.value = value
        self.confinement = confinement
    }

    /// Whether both are the same call, so that one may take the outcome of the other.
    public static func == (a: RegisteredOperation, b: RegisteredOperation) -> Bool {
        guard let value = a.value, let other = b.value else { return false }
        return isEqual(value, other) && a.keys == b.keys && a.confinement == b.confinement
    }

    private static func isEqual<Value: Equatable>(_ value: Value, _ other: any Equatable) -> Bool {
        (other as? Value) == value
    }

    public var description: String { subject.isEmpty ? name : "\(name) \(subject)" }
}

/// The operations that are under way on a host, and the rule that one operation at a time changes a thing.
///
/// * Operations whose keys are in each other's way run one after the other, in the order they came.
/// * A call that equals one under way joins it and shares its outcome, where the operation can be shared.
/// * A call that waits longer than ``timeout`` fails with ``StorageError/Code/aborted`` and the name and
///   age of the operation in its way.
/// * An operation, once begun, runs to its end. A caller that is cancelled leaves at once; the operation
///   keeps its keys and stays in ``running`` until it has really ended.
public final class OperationRegistry: Sendable {
    private let state = Mutex(State())
    private let timeout: Duration

    /// - Parameter timeout: how long a call waits for the operations in its way.
    public init(timeout: Duration) { self.timeout = timeout }

    /// An operation under way.
    public struct Running: Sendable, CustomStringConvertible {
        public var operation: RegisteredOperation
        public var age: Duration
        /// How many calls wait for its outcome: none once all of its callers have left.
        public var callers: Int

        public var description: String { "\(operation) (for \(age))" }
    }

    /// The operations under way, the oldest first.
    public var running: [Running] {
        let now = ContinuousClock.now
        return state.withLock { state in
            state.entries.values.sorted { $0.began < $1.began }
                .map { Running(operation: $0.operation, age: $0.began.duration(to: now), callers: $0.callers.count) }
        }
    }

    /// The operations that wait for their turn, in its order.
    public var waiting: [RegisteredOperation] { state.withLock { $0.waiting.map(\.operation) } }

    /// Runs `body` while holding the operation's keys, or joins the same operation under way.
    package func perform<Value: Sendable>(
        _ operation: RegisteredOperation, _ body: @escaping @Sendable () async throws(StorageError) -> Value
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
                finish(id, outcome)
            }
        }
        defer { state.withLock { _ = $0.left.remove(id) } }

        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enter(Caller(id: id, operation: operation, run: run, continuation: continuation))
            }
        } onCancel: {
            leave(id, operation)
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
        var operation: RegisteredOperation
        var run: Run
        var continuation: CheckedContinuation<Outcome, Never>
        /// Ends the wait when it takes too long.
        var watch: Task<Void, Never>?
    }

    private struct Entry {
        var operation: RegisteredOperation
        var began: ContinuousClock.Instant
        var callers: [Int: CheckedContinuation<Outcome, Never>]
    }

    private struct State {
        var lastID = 0
        /// By the number of the call that began them.
        var entries: [Int: Entry] = [:]
        var waiting: [Caller] = []
        /// Callers that were cancelled and are neither waiting nor joined: not here yet, or done.
        var left: Set<Int> = []

        func entryInTheWay(of operation: RegisteredOperation) -> Entry? {
            entries.values.first { $0.operation.keys.isInTheWay(of: operation.keys) }
        }

        /// Begins or joins calls where possible, and returns the operations to start.
        mutating func admit() -> [Run] {
            var runs: [Run] = []
            var blocked: Set<LockKey> = []
            waiting = waiting.filter { caller in
                let operation = caller.operation
                if let same = entries.first(where: { $0.value.operation == operation })?.key {
                    entries[same]?.callers[caller.id] = caller.continuation
                } else if entryInTheWay(of: operation) != nil || blocked.isInTheWay(of: operation.keys) {
                    // No operation overtakes another: one that waits for a key keeps it from those behind.
                    blocked.formUnion(operation.keys)
                    return true
                } else {
                    entries[caller.id] = Entry(
                        operation: operation, began: .now, callers: [caller.id: caller.continuation])
                    runs.append(caller.run)
                }
                caller.watch?.cancel()
                return false
            }
            return runs
        }
    }

    private func enter(_ caller: Caller) {
        let runs = state.withLock { state -> [Run]? in
            // The cancellation may have come before the continuation was there to resume.
            guard !state.left.contains(caller.id) else { return nil }
            state.waiting.append(caller)
            let runs = state.admit()
            if let index = state.waiting.indices.last, state.waiting[index].id == caller.id {
                state.waiting[index].watch = Task { [timeout, id = caller.id] in
                    // A cancelled sleep means that the wait is over.
                    guard (try? await Task.sleep(for: timeout)) != nil else { return }
                    abandon(id)
                }
            }
            return runs
        }
        guard let runs else {
            caller.continuation.resume(returning: .failure(Self.left(caller.operation)))
            return
        }
        for run in runs { run() }
    }

    private func finish(_ id: Int, _ outcome: Outcome) {
        let (callers, runs) = state.withLock { state in
            let callers = state.entries.removeValue(forKey: id)?.callers ?? [:]
            return (callers, state.admit())
        }
        for run in runs { run() }
        for caller in callers.values { caller.resume(returning: outcome) }
    }

    /// Takes one caller out, whether it still waits for its turn or already for an outcome.
    private func leave(_ id: Int, _ operation: RegisteredOperation) {
        let (caller, runs) = state.withLock { state -> (CheckedContinuation<Outcome, Never>?, [Run]) in
            if let index = state.waiting.firstIndex(where: { $0.id == id }) {
                let caller = state.waiting.remove(at: index)
                caller.watch?.cancel()
                return (caller.continuation, state.admit())
            }
            for entry in state.entries.keys {
                if let caller = state.entries[entry]?.callers.removeValue(forKey: id) { return (caller, []) }
            }
            state.left.insert(id)
            return (nil, [])
        }
        for run in runs { run() }
        caller?.resume(returning: .failure(Self.left(operation)))
    }

    /// Ends a wait that took too long. A caller whose operation has begun is left alone.
    private func abandon(_ id: Int) {
        let (caller, error, runs) = state.withLock { state -> (Caller?, StorageError, [Run]) in
            var error = StorageError(.aborted, "other operations are waiting before it")
            guard let index = state.waiting.firstIndex(where: { $0.id == id }) else { return (nil, error, []) }
            let caller = state.waiting.remove(at: index)
            if let holder = state.entryInTheWay(of: caller.operation) {
                error.detail = "\(holder.operation) has been running for \(holder.began.duration(to: .now))"
            }
            error = error.during(caller.operation.name, caller.operation.subject)
            return (caller, error, state.admit())
        }
        for run in runs { run() }
        caller?.continuation.resume(returning: .failure(error))
    }

    private static func left(_ operation: RegisteredOperation) -> StorageError {
        StorageError(.cancelled, "the caller gave up").during(operation.name, operation.subject)
    }
}
