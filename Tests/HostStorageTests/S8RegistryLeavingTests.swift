// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// S8: a caller can always leave; its operation goes on and stays visible.
@Suite(.timeLimit(.minutes(20))) struct S8RegistryLeavingTests {
    let registry = OperationRegistry(timeout: .seconds(60))

    @Test func aCancelledCallerLeavesAtOnceAndTheOperationGoesOn() async throws {
        let hang = Hang()
        let ended = Record<Void>()
        let caller = Task { [registry] in
            try await registry.perform(.on(disks: [1], "slow")) {
                await hang.wait()
                ended.add()
            }
        }
        await hang.reached()
        caller.cancel()
        let error = await expectError(.cancelled, "change slow", "gave up") { try await caller.value }
        #expect(error != nil)
        #expect(registry.running.map(\.operation.subject) == ["slow"], "it keeps its keys")

        // An equal call still joins it.
        async let joined: Void = registry.perform(.on(disks: [1], "slow")) { Issue.record("it ran twice") }
        try await registry.settle(joined: 1, of: .on(disks: [1], "slow"))
        hang.release()
        try await joined
        #expect(ended.count == 1)
        #expect(registry.running.isEmpty)
    }

    @Test func theOperationDoesNotSeeItsCallersCancellation() async throws {
        let hang = Hang()
        let wasCancelled = Record<Bool>()
        let caller = Task { [registry] in
            try await registry.perform(.on(disks: [1], "slow")) {
                await hang.wait()
                wasCancelled.add(Task.isCancelled)
            }
        }
        await hang.reached()
        caller.cancel()
        await expectError(.cancelled) { try await caller.value }
        hang.release()
        try await registry.perform(.on(disks: [1], "next")) {}
        #expect(wasCancelled.all == [false])
    }

    @Test func aCancelledJoinerLeavesTheOthersAlone() async throws {
        let hang = Hang()
        async let first: Int = registry.perform(.on(disks: [1], "same")) {
            await hang.wait(); return 1
        }
        await hang.reached()
        let joiner = Task { [registry] in try await registry.perform(.on(disks: [1], "same")) { 2 } }
        try await registry.settle(joined: 2, of: .on(disks: [1], "same"))
        joiner.cancel()
        await expectError(.cancelled) { try await joiner.value }
        hang.release()
        #expect(try await first == 1)
    }

    @Test func aCancelledWaiterLetsThoseBehindItThrough() async throws {
        let hang = Hang()
        async let holder: Void = registry.perform(.on(disks: [1], "holds 1")) { await hang.wait() }
        await hang.reached()
        let waiter = Task { [registry] in
            try await registry.perform(.on(disks: [1, 2], "wants both")) { Issue.record("it ran") }
        }
        try await registry.settle(waiting: 1)
        async let behind: Int = registry.perform(.on(disks: [2], "wants 2")) { 2 }
        try await registry.settle(waiting: 2)
        waiter.cancel()
        await expectError(.cancelled) { try await waiter.value }
        #expect(try await behind == 2)
        hang.release()
        try await holder
    }

    @Test func aCallThatWaitsTooLongGetsTheOperationInItsWayAndItsAge() async throws {
        let registry = OperationRegistry(timeout: .milliseconds(100))
        let hang = Hang()
        async let holder: Void = registry.perform(.on(disks: [1], "the hung disk")) { await hang.wait() }
        await hang.reached()
        await expectError(.aborted, "change other", "change the hung disk has been running for", "seconds") {
            try await registry.perform(.on(disks: [1], "other")) { Issue.record("it ran") }
        }
        #expect(registry.running.map(\.operation.subject) == ["the hung disk"])
        hang.release()
        try await holder
    }

    @Test func noPatienceMeansNoWaitNotForEver() async throws {
        let registry = OperationRegistry(timeout: .zero)
        let hang = Hang()
        async let holder: Void = registry.perform(.on(disks: [1], "holder")) { await hang.wait() }
        await hang.reached()
        for number in 0..<500 {
            await expectError(.aborted, "change holder has been running") {
                try await registry.perform(.on(disks: [1], "\(number)")) { Issue.record("it ran") }
            }
        }
        hang.release()
        try await holder
        #expect(try await registry.perform(.on(disks: [1], "after")) { 1 } == 1, "what is free needs no timeout")
    }
}
