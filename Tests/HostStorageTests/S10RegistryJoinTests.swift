// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// S10: a repeated identical call joins the one under way.
@Suite(.timeLimit(.minutes(20))) struct S10RegistryJoinTests {
    let registry = OperationRegistry(timeout: .seconds(60))

    @Test(arguments: [false, true]) func sixtyFourIdenticalCallsRunOnceAndEndAlike(fails: Bool) async throws {
        let hang = Hang()
        let runs = Record<Void>()
        let outcomes = try await withThrowingTaskGroup { group in
            for _ in 0..<64 {
                group.addTask { [registry] () -> Result<Int, StorageError> in
                    do throws(StorageError) {
                        return .success(
                            try await registry.perform(.on(disks: [1], "same")) { () throws(StorageError) in
                                runs.add()
                                await hang.wait()
                                if fails { throw StorageError(.inputOutput, "run \(runs.count)") }
                                return runs.count
                            })
                    } catch {
                        return .failure(error)
                    }
                }
            }
            await hang.reached()
            try await registry.settle(joined: 64, of: .on(disks: [1], "same"))
            hang.release()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(runs.count == 1)
        let expected: Result<Int, StorageError> = fails ? .failure(StorageError(.inputOutput, "run 1")) : .success(1)
        #expect(outcomes == Array(repeating: expected, count: 64))
    }

    @Test func whatPromisesSomethingOfTheMomentBeforeRunsForEveryCaller() async throws {
        let hang = Hang()
        let runs = Record<Void>()
        let flush = RegisteredOperation.on(disks: [1], "flush", isShared: false)
        try await withThrowingTaskGroup { group in
            for _ in 0..<16 {
                group.addTask { [registry] in
                    try await registry.perform(flush) {
                        runs.add()
                        await hang.wait()
                    }
                }
            }
            await hang.reached()
            try await registry.settle(waiting: 15)
            #expect(runs.count == 1, "they share a key, so one runs at a time")
            hang.release()
            try await group.waitForAll()
        }
        #expect(runs.count == 16)
    }

    @Test func aCallThatComesAfterTheEndRunsAgain() async throws {
        for number in 1...3 {
            #expect(try await registry.perform(.on(disks: [1], "same")) { number } == number)
        }
    }

    @Test func callsOfOtherValuesDoNotJoin() async throws {
        let hang = Hang()
        let runs = Record<String>()
        let key: Set<LockKey> = [.disk(DiskNumber(1))]
        let operations = [
            // The text is for people alone.
            RegisteredOperation("format", "a", keys: key, value: 1),
            RegisteredOperation("format", "a", keys: key, value: 2),
            RegisteredOperation("format", "a", keys: key, value: "1"),
            RegisteredOperation("format", "a", keys: key, value: nil),
            RegisteredOperation("format", "a", keys: key, value: nil),
        ]
        try await withThrowingTaskGroup { group in
            for (index, operation) in operations.enumerated() {
                group.addTask { [registry] in
                    try await registry.perform(operation) {
                        await hang.wait()
                        runs.add("\(index)")
                    }
                }
                if index == 0 { await hang.reached() } else { try await registry.settle(waiting: index) }
            }
            hang.release()
            try await group.waitForAll()
        }
        #expect(runs.all == operations.indices.map(String.init))
    }

    /// One caller's refusal, or what it may reach, is none of another's.
    @Test func callsOfDifferentRightsDoNotJoin() {
        func operation(_ rule: String?) -> RegisteredOperation {
            let confinement = rule.map { CallConfinement($0, roots: nil, disks: { _ in true }) }
            return RegisteredOperation(
                "format", "a", keys: [.disk(DiskNumber(1))], value: 1, within: confinement)
        }
        #expect(operation("rule a") == operation("rule a") && operation(nil) == operation(nil))
        #expect(operation("rule a") != operation("rule b") && operation("rule a") != operation(nil))
    }

    @Test func aJoinedCallDoesNotTimeOut() async throws {
        let registry = OperationRegistry(timeout: .milliseconds(50))
        let hang = Hang()
        async let first: Int = registry.perform(.on(disks: [1], "same")) {
            await hang.wait(); return 1
        }
        await hang.reached()
        async let second: Int = registry.perform(.on(disks: [1], "same")) { 2 }
        try await registry.settle(joined: 2, of: .on(disks: [1], "same"))
        try await Task.sleep(for: .milliseconds(200))
        hang.release()
        #expect(try await (first, second) == (1, 1))
    }
}
