// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(20))) struct S10RegistryStressTests {
    @Test func cancellationAtAnyMomentNeitherHangsNorRunsTwice() async throws {
        let registry = OperationRegistry(timeout: .seconds(60))
        let ran = Record<Void>()
        let succeeded = Record<Void>()
        let cancelled = Record<Void>()
        for round in 0..<3000 {
            let caller = Task {
                do throws(StorageError) {
                    try await registry.perform(.on(disks: [1], "\(round)")) {
                        ran.add()
                        await Task.yield()
                    }
                    succeeded.add()
                } catch {
                    #expect(error.code == .cancelled)
                    cancelled.add()
                }
            }
            // From before the caller has begun until about when it ends.
            for _ in 0..<round % 7 { await Task.yield() }
            caller.cancel()
            await caller.value
        }
        try await registry.perform(.on(disks: [1], "last")) {}
        #expect(registry.running.isEmpty)
        #expect(succeeded.count + cancelled.count == 3000)
        #expect(succeeded.count <= ran.count && ran.count <= 3000)
    }

    @Test func aCallerThatIsCancelledBeforeItComesRunsNothing() async throws {
        let registry = OperationRegistry(timeout: .seconds(60))
        for _ in 0..<2000 {
            let caller = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return await expectError(.cancelled) {
                    try await registry.perform(.on(disks: [1], "late")) { Issue.record("it ran") }
                }
            }
            #expect(await caller.value != nil)
        }
        #expect(registry.running.isEmpty)
    }

    @Test func operationsOfOverlappingKeysNeverOverlapInTime() async throws {
        let registry = OperationRegistry(timeout: .seconds(120))
        let held = HeldKeys()
        let ran = Record<Void>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<600 {
                let disks = (0..<Int.random(in: 1...3)).map { _ in UInt32.random(in: 0..<12) }
                let keys = Set(disks)
                group.addTask {
                    try await registry.perform(.on(disks: disks, "\(number)")) {
                        held.take(keys)
                        for _ in 0..<Int.random(in: 0...3) { await Task.yield() }
                        held.restore(keys)
                        ran.add()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(ran.count == 600)
        #expect(registry.running.isEmpty)
    }

    /// A caller that has waited too long may try again: nothing of its first try may come after.
    @Test func anAbortedCallHasNotRunAndNeverWill() async throws {
        let registry = OperationRegistry(timeout: .milliseconds(2))
        let ran = Record<Int>()
        let aborted = try await withThrowingTaskGroup(of: Int?.self) { group in
            for number in 0..<1500 {
                group.addTask { () async throws -> Int? in
                    try await Task.sleep(for: .microseconds(number * 500))
                    do throws(StorageError) {
                        try await registry.perform(.on(disks: [1], "\(number)")) {
                            ran.add(number)
                            _ = try? await Task.sleep(for: .microseconds(1900))
                        }
                        return nil
                    } catch {
                        #expect(error.code == .aborted)
                        return number
                    }
                }
            }
            return try await group.reduce(into: Set<Int>()) { aborted, number in
                if let number { aborted.insert(number) }
            }
        }
        // The registry is fair: a new call comes after all that may still have been waiting.
        try await eventually("nothing is running") { registry.running.isEmpty }
        #expect(!aborted.isEmpty)
        #expect(aborted.isDisjoint(with: ran.all))
        #expect(ran.count + aborted.count == 1500)
    }
}

/// Notices when two hold one key.
private final class HeldKeys: Sendable {
    private let held = Mutex<Set<UInt32>>([])

    func take(_ keys: Set<UInt32>) {
        let isFree = held.withLock { held in
            defer { held.formUnion(keys) }
            return held.isDisjoint(with: keys)
        }
        #expect(isFree, "two hold one key")
    }

    func restore(_ keys: Set<UInt32>) { held.withLock { $0.subtract(keys) } }
}
