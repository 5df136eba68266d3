// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Expectations
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// What is known of a disk stands in for its answer, so it must never be older than what was done to it.
    @Suite(.timeLimit(.minutes(5))) struct DiskSurveyTests {
        @Test func whatWasKnownBeforeADiskWasPartitionedIsForgotten() async throws {
            let linked = try LinkedHost(silence: .seconds(2))
            let (host, lanes) = (linked.host, linked.host.backend.lanes)
            let disk = try LoopDisk()
            let number = try disk.number
            #expect(try await host.volumes(on: number, partition: nil).isEmpty)
            try await host.partitionDisk(number)
            let gate = DispatchSemaphore(value: 0)
            let work = Task { try await lanes.run(in: .disk(name: disk.name)) { gate.wait() } }
            while lanes.timeAtWork(in: .disk(name: disk.name)) == .zero { await Task.yield() }
            await expectError(.deadlineExceeded) { try await host.volumes(on: number, partition: nil) }
            gate.signal()
            try await work.value
            #expect(try await host.volumes(on: number, partition: nil).count == 1)
        }

        @Test func anAnswerIsKnownBeforeTheDiskIsAskedAnythingElse() async throws {
            let lanes = Lanes()
            let disk = try LoopDisk()
            let node = try #require(try DiskInventory().disks().first { $0.name == disk.name })
            let gate = DispatchSemaphore(value: 0)
            let survey = DiskSurvey(lanes, patience: .seconds(600)) { _ in
                gate.wait()
                return "an answer"
            }
            let caller = Task { try await survey.ask(node) }
            while lanes.timeAtWork(in: .disk(name: disk.name)) == .zero { await Task.yield() }
            // Whoever asked has gone, and so could only note it down too late.
            caller.cancel()
            await expectError(.cancelled) { try await caller.value }
            gate.signal()
            let known = try await lanes.run(in: .disk(name: disk.name)) { survey.disk { $0 == "an answer" } }
            #expect(known == node.number)
        }
    }
}
