// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// S10: one change at a time.
@Suite(.timeLimit(.minutes(20))) struct S10RegistryOrderTests {
    let registry = OperationRegistry(timeout: .seconds(60))

    @Test func operationsOnASharedKeyRunOneAfterTheOtherInTheOrderTheyCame() async throws {
        let first = Hang()
        let order = Record<Int>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [registry] in
                try await registry.perform(.on(disks: [1], "0")) {
                    await first.wait()
                    order.add(0)
                }
            }
            await first.reached()
            for number in 1...20 {
                group.addTask { [registry] in
                    try await registry.perform(.on(disks: [1], "\(number)")) {
                        order.add(number)
                    }
                }
                try await registry.settle(waiting: number)
            }
            #expect(order.count == 0, "none ran before the first had ended")
            first.release()
            try await group.waitForAll()
        }
        #expect(order.all == Array(0...20))
        #expect(registry.running.isEmpty)
    }

    @Test func operationsOnOtherKeysRunMeanwhile() async throws {
        let hang = Hang()
        async let stuck: Void = registry.perform(.on(disks: [1], "stuck")) { await hang.wait() }
        await hang.reached()
        #expect(try await registry.perform(.on(disks: [2], "other disk")) { 2 } == 2)
        #expect(
            try await registry.perform(RegisteredOperation("rescan disks", "", keys: [.inventory], value: nil)) { 3 }
                == 3)
        #expect(registry.running.map(\.operation.subject) == ["stuck"])
        hang.release()
        try await stuck
    }

    @Test func twoOperationsWithoutASharedKeyMeetInTheMiddle() async throws {
        // Each waits until the other is there, so neither ends unless both run.
        let (a, b) = (Hang(), Hang())
        async let first: Void = registry.perform(.on(disks: [1], "a")) {
            a.release()
            await b.wait()
        }
        async let second: Void = registry.perform(.on(disks: [2], "b")) {
            b.release()
            await a.wait()
        }
        _ = try await (first, second)
    }

    @Test func noCallOvertakesOneThatWaitsForAKey() async throws {
        let hang = Hang()
        let order = Record<String>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            func add(_ disks: [UInt32], _ name: String, _ body: @escaping @Sendable () async -> Void = {}) {
                group.addTask { [registry] in
                    try await registry.perform(.on(disks: disks, name)) {
                        await body()
                        order.add(name)
                    }
                }
            }
            add([1], "holds 1") { await hang.wait() }
            await hang.reached()
            add([1, 2], "wants 1 and 2")
            try await registry.settle(waiting: 1)
            // 2 is free, but promised to the one that came before.
            add([2], "wants 2")
            try await registry.settle(waiting: 2)
            add([3], "wants 3")
            try await eventually("the one whose key is free has run") { order.count > 0 }
            #expect(order.all == ["wants 3"])
            hang.release()
            try await group.waitForAll()
        }
        #expect(order.all == ["wants 3", "holds 1", "wants 1 and 2", "wants 2"])
    }

    @Test func aFailureFreesTheKeys() async throws {
        await expectError(.inputOutput, "broken") {
            try await registry.perform(.on(disks: [1], "fails")) { () throws(StorageError) in
                throw StorageError(.inputOutput, "broken")
            }
        }
        #expect(try await registry.perform(.on(disks: [1], "next")) { "ran" } == "ran")
    }

    @Test func whatRunsIsListedWithItsAgeTheOldestFirst() async throws {
        let (a, b) = (Hang(), Hang())
        async let first: Void = registry.perform(.on(disks: [1], "a")) { await a.wait() }
        await a.reached()
        async let second: Void = registry.perform(.on(disks: [2], "b")) { await b.wait() }
        await b.reached()
        let running = registry.running
        #expect(running.map(\.operation.subject) == ["a", "b"])
        #expect(running[0].age > running[1].age && running[1].age > .zero)
        b.release()
        try await second
        #expect(registry.running.map(\.operation.subject) == ["a"])
        a.release()
        try await first
        #expect(registry.running.isEmpty)
    }

    @Test func operationsWithoutAKeyAreNotMistakenForOneAnother() async throws {
        let operation = RegisteredOperation("look", "", keys: [], value: nil)
        let (a, b) = (Hang(), Hang())
        async let first: Int = registry.perform(operation) {
            await a.wait(); return 1
        }
        await a.reached()
        async let second: Int = registry.perform(operation) {
            await b.wait(); return 2
        }
        await b.reached()
        a.release()
        #expect(try await first == 1)
        b.release()
        #expect(try await second == 2)
    }
}

extension OperationRegistry {
    /// Returns once so many calls wait for their turn.
    func settle(waiting count: Int) async throws {
        try await eventually("\(count) calls wait for their turn") { waiting.count >= count }
    }

    /// Returns once so many calls wait for the outcome of an operation under way.
    func settle(joined count: Int, of operation: RegisteredOperation) async throws {
        try await eventually("\(count) calls wait for \(operation)") {
            running.first { $0.operation == operation }?.callers ?? 0 >= count
        }
    }
}

extension RegisteredOperation {
    static func on(disks: [UInt32], _ subject: String, isShared: Bool = true) -> RegisteredOperation {
        RegisteredOperation(
            "change", subject, keys: Set(disks.map { .disk(DiskNumber($0)) }), value: isShared ? subject : nil)
    }
}
