// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Expectations
import HostStorage
import Synchronization
import Testing

@testable import HostStorageLinux

/// S8: what an operation has opened is used and closed in its disk's queue.
@Suite(.timeLimit(.minutes(20))) struct S8DiskSessionTests {
    /// Not Sendable, as an open disk.
    private final class Open {
        let end: @Sendable () -> Void
        init(end: @escaping @Sendable () -> Void) { self.end = end }
        deinit { end() }
    }

    private let queues = BlockingQueues()
    private let queue = BlockingQueues.Queue.disk(name: "a")
    /// How often something was closed in the queue, and elsewhere.
    private final class Closings: Sendable {
        let counts = Mutex((inQueue: 0, elsewhere: 0))
    }

    private func session<Value: Sendable>(
        _ closings: Closings, in queues: BlockingQueues? = nil,
        _ body: (DiskSession<Open>) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value? {
        let queues = queues ?? self.queues
        let open = { @Sendable [queues, queue] () throws(StorageError) in
            Open {
                let isInQueue = queues.timeAtWork(in: queue) > .zero
                closings.counts.withLock { if isInQueue { $0.inQueue += 1 } else { $0.elsewhere += 1 } }
            }
        }
        return try await DiskSession.with(queues, queue, open: open, body)
    }

    @Test func itEndsInTheQueueBeforeTheCallerGoesOn() async throws {
        let closings = Closings()
        for _ in 0..<1000 {
            let answer = try await session(closings) { session throws(StorageError) in
                try await session.step { _ in 1 } + session.step { _ in 2 }
            }
            #expect(answer == 3)
        }
        #expect(closings.counts.withLock { $0 } == (1000, 0))
    }

    @Test func itEndsInTheQueueAfterAFailure() async throws {
        let closings = Closings()
        await expectError(.busy) {
            _ = try await session(closings) { session throws(StorageError) in
                try await session.step { _ throws(StorageError) in throw StorageError(.busy, "it is in use") }
            }
        }
        #expect(closings.counts.withLock { $0 } == (1, 0))
    }

    /// Also where the step under way is not waited for any more.
    @Test func itEndsInTheQueueAfterACancellation() async throws {
        let closings = Closings()
        let gate = DispatchSemaphore(value: 0)
        let hasBegun = DispatchSemaphore(value: 0)
        let caller = Task {
            try await session(closings) { session throws(StorageError) in
                try await session.step { _ in
                    hasBegun.signal()
                    gate.wait()
                }
            }
        }
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "waits").async {
                hasBegun.wait()
                continuation.resume()
            }
        }
        caller.cancel()
        // The caller goes, however long the step takes; the end comes behind the step.
        await expectError(.cancelled) { _ = try await caller.value }
        #expect(closings.counts.withLock { $0 } == (0, 0))
        gate.signal()
        try await eventually("the session ends") { closings.counts.withLock { $0 } == (1, 0) }
    }

    /// Closing is not refused where a queue takes no further work.
    @Test func itEndsInAQueueThatIsFull() async throws {
        let closings = Closings()
        let queues = BlockingQueues(backlog: 1)
        let gate = DispatchSemaphore(value: 0)
        let caller = Task {
            try await session(closings, in: queues) { session throws(StorageError) in
                try await session.step { _ in gate.wait() }
            }
        }
        try await eventually("the step is under way") { queues.timeAtWork(in: queue) > .milliseconds(50) }
        caller.cancel()
        await expectError(.cancelled) { _ = try await caller.value }
        gate.signal()
        try await eventually("the session ends") { closings.counts.withLock { $0 } == (1, 0) }
    }

    @Test func withNothingToKeepTheBodyDoesNotRun() async throws {
        let answer = try await DiskSession<Open>.with(queues, queue, open: { nil }) { _ in 1 }
        #expect(answer == nil)
    }
}
