// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Expectations
import HostStorage
import Testing

@testable import HostStorageLinux

/// S8: blocking work has its own, bounded threads.
@Suite(.timeLimit(.minutes(20))) struct S8LanesTests {
    @Test func aLaneThatHangsHoldsUpNoOther() async throws {
        let lanes = Lanes()
        let gate = DispatchSemaphore(value: 0)
        let stuck = Task { try await lanes.run(in: .disk(name: "stuck")) { gate.wait() } }
        try await eventually("the lane is at work") { lanes.timeAtWork(in: .disk(name: "stuck")) > .zero }
        for index in 0..<32 {
            #expect(try await lanes.run(in: .disk(name: "\(index)")) { index } == index)
        }
        await expectError(.deadlineExceeded) {
            try await lanes.run(in: .disk(name: "stuck"), timeout: .milliseconds(50)) {}
        }
        gate.signal()
        try await stuck.value
    }

    @Test func aCallerThatIsCancelledLeavesWhileItsWorkGoesOn() async throws {
        let lanes = Lanes()
        let gate = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let caller = Task {
            try await lanes.run(in: .inventory) {
                gate.wait()
                ended.signal()
            }
        }
        try await eventually("the lane is at work") { lanes.timeAtWork(in: .inventory) > .zero }
        caller.cancel()
        await expectError(.cancelled) { try await caller.value }
        gate.signal()
        #expect(ended.wait(timeout: .now() + 60) == .success)
    }

    @Test func workBeyondTheLimitIsRefusedAtOnce() async throws {
        let lanes = Lanes(limit: 2)
        let gate = DispatchSemaphore(value: 0)
        let waiting = (0..<2).map { index in
            Task { try await lanes.run(in: .disk(name: "\(index)")) { gate.wait() } }
        }
        for index in 0..<2 {
            try await eventually("the lane is at work") { lanes.timeAtWork(in: .disk(name: "\(index)")) > .zero }
        }
        await expectError(.exhausted) { try await lanes.run(in: .inventory) {} }
        for _ in 0..<2 { gate.signal() }
        for task in waiting { try await task.value }
    }

    @Test func workWhoseCallerHasLeftBeforeItBeganNeverBegins() async throws {
        let lanes = Lanes()
        let gate = DispatchSemaphore(value: 0)
        let stuck = Task { try await lanes.run(in: .inventory) { gate.wait() } }
        try await eventually("the lane is at work") { lanes.timeAtWork(in: .inventory) > .zero }
        let ran = DispatchSemaphore(value: 0)
        await expectError(.deadlineExceeded) {
            try await lanes.run(in: .inventory, timeout: .milliseconds(20)) { _ = ran.signal() }
        }
        gate.signal()
        try await stuck.value
        try await lanes.run(in: .inventory) {}
        #expect(ran.wait(timeout: .now()) == .timedOut)
    }

    /// A mount that hangs is reached by many paths.
    @Test func pathsLeaveTheDisksTheirThreads() async throws {
        let lanes = Lanes(limit: 4)
        let gate = DispatchSemaphore(value: 0)
        let policy = try PathPolicy(roots: ["/kubelet"])
        let paths = try (0..<3).map { try policy.resolve("/kubelet/\($0)") }
        let waiting = paths[..<2].map { path in
            Task { try await lanes.run(in: .path(path)) { gate.wait() } }
        }
        for path in paths[..<2] {
            try await eventually("the lane is at work") { lanes.timeAtWork(in: .path(path)) > .zero }
        }
        await expectError(.exhausted) { try await lanes.run(in: .path(paths[2])) {} }
        try await lanes.run(in: .disk(name: "sda")) {}
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

        let lanes = Lanes()
        for _ in 0..<100_000 {
            let isGone = DispatchSemaphore(value: 0)
            try await lanes.run(in: .inventory, work(holding: Held(isGone)))
            try #require(isGone.wait(timeout: .now()) == .success)
        }
    }

    @Test func whatTheWorkReturnsIsTheCallersAlone() async throws {
        final class Value: Sendable {}
        let lanes = Lanes()
        for _ in 0..<1000 {
            var value = try await lanes.run(in: .inventory) { Value() }
            try #require(isKnownUniquelyReferenced(&value))
        }
    }
}
