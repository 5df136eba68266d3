// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Expectations
import HostStorage
import Synchronization
import Testing

@testable import HostStorageLinux

/// S8: blocking work has its own, bounded threads.
@Suite(.timeLimit(.minutes(20))) struct S8BlockingQueuesTests {
    @Test func aQueueThatHangsHoldsUpNoOther() async throws {
        let queues = BlockingQueues()
        let gate = DispatchSemaphore(value: 0)
        let stuck = Task { try await queues.run(in: .disk(name: "stuck")) { gate.wait() } }
        try await eventually("the queue is at work") { queues.timeAtWork(in: .disk(name: "stuck")) > .zero }
        for index in 0..<32 {
            #expect(try await queues.run(in: .disk(name: "\(index)")) { index } == index)
        }
        await expectError(.deadlineExceeded) {
            try await queues.run(in: .disk(name: "stuck"), timeout: .milliseconds(50)) {}
        }
        gate.signal()
        try await stuck.value
    }

    @Test func aCallerThatIsCancelledLeavesWhileItsWorkGoesOn() async throws {
        let queues = BlockingQueues()
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let caller = Task {
            try await queues.run(in: .inventory) {
                gate.wait()
                ended.signal()
            }
        }
        try await eventually("the queue is at work") { queues.timeAtWork(in: .inventory) > .zero }
        caller.cancel()
        await expectError(.cancelled) { try await caller.value }
        gate.signal()
        #expect(ended.wait(timeout: .now() + 60) == .success)
    }

    @Test func workBeyondTheLimitsIsRefusedAtOnce() async throws {
        let queues = BlockingQueues(limit: 2, waiting: 0)
        let gate = DispatchSemaphore(value: 0)
        let waiting = (0..<2).map { index in
            Task { try await queues.run(in: .disk(name: "\(index)")) { gate.wait() } }
        }
        for index in 0..<2 {
            try await eventually("the queue is at work") { queues.timeAtWork(in: .disk(name: "\(index)")) > .zero }
        }
        await expectError(.exhausted) { try await queues.run(in: .inventory) {} }
        for _ in 0..<2 { gate.signal() }
        for task in waiting { try await task.value }
    }

    @Test func workBeyondWhatOneQueueTakesIsRefusedAtOnce() async throws {
        let queues = BlockingQueues(backlog: 1)
        let gate = DispatchSemaphore(value: 0)
        let stuck = Task { try await queues.run(in: .inventory) { gate.wait() } }
        try await eventually("the queue is at work") { queues.timeAtWork(in: .inventory) > .zero }
        await expectError(.exhausted) { try await queues.run(in: .inventory, timeout: .seconds(60)) {} }
        // Another queue has room of its own.
        try await queues.run(in: .firmware) {}
        gate.signal()
        try await stuck.value
    }

    @Test func workForWhichThereIsNoThreadWaitsForOne() async throws {
        let queues = BlockingQueues(limit: 2, waiting: 3)
        let gate = DispatchSemaphore(value: 0)
        let stuck = (0..<2).map { index in
            Task { try await queues.run(in: .disk(name: "\(index)")) { gate.wait() } }
        }
        for index in 0..<2 {
            while queues.timeAtWork(in: .disk(name: "\(index)")) == .zero { await Task.yield() }
        }
        final class Order: Sendable {
            private let indexes = Mutex<[Int]>([])
            var all: [Int] { indexes.withLock { $0 } }
            func add(_ index: Int) { indexes.withLock { $0.append(index) } }
        }
        let order = Order()
        var waiting: [Task<Void, any Error>] = []
        for index in 2..<5 {
            waiting.append(Task { try await queues.run(in: .disk(name: "\(index)")) { order.add(index) } })
            while queues.countWaiting < index - 1 { await Task.yield() }
        }
        await expectError(.exhausted) { try await queues.run(in: .disk(name: "5")) {} }
        // Not for ever.
        await expectError(.deadlineExceeded) {
            try await queues.run(in: .disk(name: "4"), timeout: .milliseconds(20)) { order.add(-1) }
        }
        #expect(order.all.isEmpty)
        gate.signal()
        for task in waiting { try await task.value }
        #expect(order.all == [2, 3, 4])
        gate.signal()
        for task in stuck { try await task.value }
    }

    /// A query of all disks, and many of them hang.
    @Test func questionsToAllDisksLeaveThreadsToTheCallsAboutOne() async throws {
        let queues = BlockingQueues(limit: 8)
        let gate = DispatchSemaphore(value: 0)
        let names = (0..<20).map { "\($0)" }
        let searches = names.map { name in
            Task { try await queues.run(in: .disk(name: name), for: .search) { gate.wait() } }
        }
        while queues.countAtWork(longerThan: .milliseconds(1)) < 3 { await Task.yield() }
        // Queries without a thread wait, and calls go on: about other disks, and about disks that wait for their query.
        for index in 0..<32 { #expect(try await queues.run(in: .disk(name: "other \(index)")) { index } == index) }
        try await queues.run(in: .inventory) {}
        let idle = try #require(names.first { queues.timeAtWork(in: .disk(name: $0)) == .zero })
        let call = Task { try await queues.run(in: .disk(name: idle)) { idle } }
        for _ in names { gate.signal() }
        #expect(try await call.value == idle)
        for task in searches { try await task.value }
    }

    @Test func aThousandQueuesAtATimeAllComeToTheirTurn() async throws {
        let queues = BlockingQueues(limit: 3)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<1000 {
                group.addTask {
                    let purpose: BlockingQueues.Purpose = index % 3 == 0 ? .search : .call
                    return try await queues.run(in: .disk(name: "\(index % 250)"), for: purpose) { index }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 499_500)
        #expect(queues.countWaiting == 0)
    }

    @Test func workWhoseCallerHasLeftBeforeItBeganNeverBegins() async throws {
        let queues = BlockingQueues()
        let gate = DispatchSemaphore(value: 0)
        let stuck = Task { try await queues.run(in: .inventory) { gate.wait() } }
        try await eventually("the queue is at work") { queues.timeAtWork(in: .inventory) > .zero }
        let ran = DispatchSemaphore(value: 0)
        await expectError(.deadlineExceeded) {
            try await queues.run(in: .inventory, timeout: .milliseconds(20)) { _ = ran.signal() }
        }
        gate.signal()
        try await stuck.value
        try await queues.run(in: .inventory) {}
        #expect(ran.wait(timeout: .now()) == .timedOut)
    }

    /// A mount that hangs is reached by many paths.
    @Test func pathsLeaveTheDisksTheirThreads() async throws {
        let queues = BlockingQueues(limit: 4, waiting: 0)
        let gate = DispatchSemaphore(value: 0)
        let policy = try PathPolicy(roots: ["/kubelet"])
        let paths = try (0..<3).map { try policy.resolve("/kubelet/\($0)") }
        let waiting = paths[..<2].map { path in
            Task { try await queues.run(in: .path(path)) { gate.wait() } }
        }
        for path in paths[..<2] {
            try await eventually("the queue is at work") { queues.timeAtWork(in: .path(path)) > .zero }
        }
        await expectError(.exhausted) { try await queues.run(in: .path(paths[2])) {} }
        try await queues.run(in: .disk(name: "sda")) {}
        for _ in 0..<2 { gate.signal() }
        for task in waiting { try await task.value }
    }

    /// The caller can count on it that the lock of a disk which the work had open is free.
    @Test func whatTheWorkHeldIsGivenUpBeforeItsCallerGoesOn() async throws {
        final class Held: Sendable {
            let isGone: DispatchSemaphore
            init(_ isGone: DispatchSemaphore) { self.isGone = isGone }
            deinit { isGone.signal() }
        }
        func work(holding held: Held) -> @Sendable () -> Void { { withExtendedLifetime(held) {} } }

        let queues = BlockingQueues()
        for _ in 0..<100_000 {
            let isGone = DispatchSemaphore(value: 0)
            try await queues.run(in: .inventory, work(holding: Held(isGone)))
            try #require(isGone.wait(timeout: .now()) == .success)
        }
    }

    @Test func whatTheWorkReturnsIsTheCallersAlone() async throws {
        final class Value: Sendable {}
        let queues = BlockingQueues()
        for _ in 0..<1000 {
            var value = try await queues.run(in: .inventory) { Value() }
            try #require(isKnownUniquelyReferenced(&value))
        }
    }
}
