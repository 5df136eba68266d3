// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Logs calls that take long, once at ten seconds and then each time that one has taken twice as long.
///
/// One task looks after all of them, and ends when it finds none. Most calls have ended before it looks.
final class SlowCallWatch: Sendable {
    private struct Watched {
        var name: String
        var subject: String
        var trace: CallTrace
        var began: ContinuousClock.Instant
        /// What it may take until it is logged.
        var limit: Duration
    }

    private struct State {
        var lastID: UInt64 = 0
        var calls: [UInt64: Watched] = [:]
        var isWatched = false
    }

    private let logger: Logger
    private let first: Duration
    private let state = Mutex(State())

    init(logger: Logger, first: Duration = .seconds(10)) { (self.logger, self.first) = (logger, first) }

    /// Whether the task runs.
    var isAtWork: Bool { state.withLock { $0.isWatched } }

    /// Runs `body`, watched.
    func watch<Answer>(
        _ name: String, _ subject: String, _ trace: CallTrace, _ body: () async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let call = Watched(name: name, subject: subject, trace: trace, began: .now, limit: first)
        let (id, isFirst) = state.withLock { state in
            state.lastID += 1
            state.calls[state.lastID] = call
            defer { state.isWatched = true }
            return (state.lastID, !state.isWatched)
        }
        defer { state.withLock { _ = $0.calls.removeValue(forKey: id) } }
        // Detached: it does not belong to the call.
        if isFirst { Task.detached { [self] in await lookAfterAll() } }
        return try await body()
    }

    private func lookAfterAll() async {
        while let next = logThoseOverTheirLimit() { try? await Task.sleep(until: next, clock: .continuous) }
    }

    /// - Returns: When to look again; nil where there is no call.
    private func logThoseOverTheirLimit() -> ContinuousClock.Instant? {
        let now = ContinuousClock.now
        let (slow, next) = state.withLock { state -> ([Watched], ContinuousClock.Instant?) in
            state.isWatched = !state.calls.isEmpty
            guard state.isWatched else { return ([], nil) }
            var slow: [Watched] = []
            // One that begins meanwhile has not reached its limit by then.
            var next = now + first
            for (id, call) in state.calls {
                if call.began + call.limit <= now {
                    slow.append(call)
                    state.calls[id]?.limit = call.limit * 2
                }
                next = min(next, call.began + (state.calls[id]?.limit ?? first))
            }
            return (slow, next)
        }
        for call in slow {
            logger.warning(
                "takes long: \(call.subject.isEmpty ? call.name : "\(call.name) \(call.subject)")",
                metadata: call.trace.metadata(["duration": "\(call.limit)", "waits-for": "\(call.trace.waitsFor)"]))
        }
        return next
    }
}

extension CallTrace {
    /// With the caller and all notes.
    func metadata(_ more: Logger.Metadata) -> Logger.Metadata {
        var all = more
        all["caller"] = "\(caller)"
        for (key, value) in notes { all[key] = "\(value)" }
        return all
    }
}
