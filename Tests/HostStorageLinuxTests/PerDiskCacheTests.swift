// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Expectations
import Glibc
import HostStorage
import LoopDisks
import Synchronization
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// The cached answer of a disk stands in for a new one, so it must never be older than the last change of the disk.
    @Suite(.timeLimit(.minutes(20))) struct PerDiskCacheTests {
        @Test func whatWasKnownBeforeADiskWasPartitionedIsForgotten() async throws {
            let linked = try LinkedHost(silence: .seconds(10))
            let disk = try LoopDisk()
            let number = try disk.number
            #expect(try await linked.host.volumes(on: number, partition: nil).isEmpty)
            try await linked.host.partitionDisk(number)
            try await whileBusy(disk, linked) {
                await expectError(.deadlineExceeded) { try await linked.host.volumes(on: number, partition: nil) }
            }
            #expect(try await linked.host.volumes(on: number, partition: nil).count == 1)
        }

        /// A whole disk is a volume because of its filesystem, which is missing for the time of a format.
        @Test func whatWasKnownDuringAFormatIsForgotten() async throws {
            let linked = try LinkedHost(silence: .seconds(10))
            let disk = try LoopDisk(size: 64 << 20)
            let number = try disk.number
            let uuid = "01234567-89ab-4def-8123-456789abcdef"
            try Command.run("mkfs.ext4", "-q", "-U", uuid, disk.device)
            let volume = try #require(try await linked.host.volumes(on: number, partition: nil).first)
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", #"exec "$program" "$@""#)
            async let format: Void = linked.host.formatVolume(volume, over: Signature(type: "ext4", uuid: uuid))
            try await tool.hasBegun()
            #expect(try await linked.host.volumes(on: number, partition: nil).isEmpty)
            tool.goOn()
            try await format
            try await whileBusy(disk, linked) {
                await expectError(.deadlineExceeded) { try await linked.host.volumes(on: number, partition: nil) }
            }
            #expect(try await linked.host.volumes(on: number, partition: nil) == [volume])
        }

        /// Runs `body` while something else is done to the disk.
        private func whileBusy(_ disk: LoopDisk, _ linked: LinkedHost, _ body: () async throws -> Void) async throws {
            let queues = linked.host.backend.queues
            let gate = DispatchSemaphore(value: 0)
            let work = Task { try await queues.run(in: .disk(name: disk.name)) { gate.wait() } }
            try await eventually("\(disk.name) is at work") { queues.timeAtWork(in: .disk(name: disk.name)) > .zero }
            try await body()
            gate.signal()
            try await work.value
        }

        /// Such as descriptors, of which this process has too few for a moment.
        @Test func aQuestionThatCouldNotBeAskedTakesNothingAway() async throws {
            let disk = try LoopDisk()
            let node = try #require(try DiskInventory().disks().first { $0.name == disk.name })
            let isShort = Mutex(false)
            let cache = PerDiskCache(BlockingQueues(), timeout: .seconds(60)) { _ throws(StorageError) in
                if isShort.withLock({ $0 }) { throw StorageError(errno: EMFILE, "open") }
                return "an answer"
            }
            #expect(try await cache.query(node) == "an answer")
            isShort.withLock { $0 = true }
            for _ in 0..<2 { #expect(try await cache.query(node) == "an answer") }
        }

        @Test func anAnswerIsKnownBeforeTheDiskIsAskedAnythingElse() async throws {
            let queues = BlockingQueues()
            let disk = try LoopDisk()
            let node = try #require(try DiskInventory().disks().first { $0.name == disk.name })
            let gate = DispatchSemaphore(value: 0)
            let cache = PerDiskCache(queues, timeout: .seconds(600)) { _ in
                gate.wait()
                return "an answer"
            }
            let caller = Task { try await cache.query(node) }
            try await eventually("\(disk.name) is at work") { queues.timeAtWork(in: .disk(name: disk.name)) > .zero }
            // The caller has gone, and so could only record it too late.
            caller.cancel()
            await expectError(.cancelled) { try await caller.value }
            gate.signal()
            let known = try await queues.run(in: .disk(name: disk.name)) { cache.last { $0 == "an answer" }?.disk }
            #expect(known == node.number)
        }
    }
}
