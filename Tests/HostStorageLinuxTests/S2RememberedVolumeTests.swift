// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S2: a call takes a volume where it was found last, and something happens to its disk before the disk is opened.
    @Suite(.timeLimit(.minutes(10))) struct S2RememberedVolumeTests {
        /// Begins the call, has it wait for its disk, changes the disk, and lets the call go on.
        private static func call(
            _ linked: LinkedHost, _ disk: String, _ call: @escaping @Sendable () async throws -> Void,
            meanwhile change: () throws -> Void
        ) async throws {
            let gate = DispatchSemaphore(value: 0)
            let queues = linked.host.backend.queues
            let work = Task { try await queues.run(in: .disk(name: disk)) { gate.wait() } }
            // Before the call comes, which would find the queue empty.
            do {
                try await eventually("\(disk) is at work") { queues.timeAtWork(in: .disk(name: disk)) > .zero }
            } catch {
                gate.signal()
                throw error
            }
            let trace = CallTrace(caller: "the test")
            let caller = Task { try await CallTrace.$current.withValue(trace) { try await call() } }
            do {
                defer { gate.signal() }
                try await eventually("the call waits for its disk") {
                    trace.steps.contains { $0.text == "the work before it on disk \(disk)" }
                }
                try change()
            }
            try await work.value
            try await caller.value
        }

        private static func attachAnew(_ disk: LoopDisk, at device: String) throws {
            _ = try? Command.run("partx", "--delete", disk.device)
            try Command.run("losetup", "--detach", disk.device)
            try Command.run("losetup", device, disk.file)
        }

        /// The call holds the locks of the disk that it was on.
        @Test func onAnotherDiskByNowItIsLeftAloneUntilTheNextCall() async throws {
            let linked = try LinkedHost()
            let (disk, place) = (try LoopDisk(size: 64 << 20), linked.path("staging"))
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            try #require(try await linked.host.disk(of: volume) == disk.number)
            try await linked.host.makeDirectory(place)
            let other = try Command.run("losetup", "--find")
            await expectError(.aborted, disk.device, other, "try again") {
                try await Self.call(
                    linked, disk.name, { try await linked.host.mountVolume(volume, at: place) },
                    meanwhile: { try Self.attachAnew(disk, at: other) })
            }
            try await linked.host.mountVolume(volume, at: place)
            try await linked.host.unmountVolume(volume, from: place)
            try Command.run("partx", "--delete", other)
            try Command.run("losetup", "--detach", other)
            try Command.run("losetup", disk.device, disk.file)
        }

        /// It is another disk for the host, under the old name.
        @Test func onADiskThatWasAttachedAnewItIsLeftAloneUntilTheNextCall() async throws {
            let linked = try LinkedHost()
            let (disk, place) = (try LoopDisk(size: 64 << 20), linked.path("staging"))
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            try #require(try await linked.host.disk(of: volume) == disk.number)
            try await linked.host.makeDirectory(place)
            await expectError(.aborted, "try again") {
                try await Self.call(
                    linked, disk.name, { try await linked.host.mountVolume(volume, at: place) },
                    meanwhile: { try Self.attachAnew(disk, at: disk.device) })
            }
            try await linked.host.mountVolume(volume, at: place)
            try await linked.host.unmountVolume(volume, from: place)
        }

        /// Another file takes the disk's name: none of its bytes are touched.
        @Test func aDiskInThePlaceOfItsOwnIsNotTouched() async throws {
            let linked = try LinkedHost()
            let (disk, other) = (try LoopDisk(size: 64 << 20), try LoopDisk(size: 64 << 20))
            let volume = try await linked.volume(on: disk)
            try Command.run("dd", "if=\(disk.device)", "of=\(other.device)", "bs=1M", "conv=fsync")
            let before = try other.digest()
            await expectError(.notFound) {
                try await Self.call(
                    linked, disk.name, { try await linked.host.formatVolume(volume) },
                    meanwhile: {
                        _ = try? Command.run("partx", "--delete", disk.device)
                        try Command.run("losetup", "--detach", disk.device)
                        try Command.run("losetup", "--detach", other.device)
                        try Command.run("losetup", disk.device, other.file)
                    })
            }
            try Command.run("losetup", "--detach", disk.device)
            try Command.run("losetup", disk.device, disk.file)
            try Command.run("losetup", other.device, other.file)
            #expect(try other.digest() == before)
            try await linked.host.formatVolume(volume)
        }

        /// The plan of a change was made for the size that it had.
        @Test func aDiskOfAnotherSizeByNowIsNotLocked() throws {
            let disk = try LoopDisk(size: 64 << 20)
            let node = try DiskNode(ofDevice: disk.name)
            let found = try #require(node)
            try OpenDisk(found).lock()
            try disk.grow(to: 128 << 20)
            try Command.run("losetup", "--set-capacity", disk.device)
            expectError(.failedPrecondition, "its size has changed") { try OpenDisk(found).lock() }
        }

        /// Its partition is another one by now, with the same number.
        @Test func aPartitionThatTheTableHasElsewhereByNowIsNotFormatted() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.volume(on: disk)
            func partition() throws {
                _ = try? Command.run("partx", "--delete", disk.device)
                try Command.run(
                    "sh", "-c",
                    "printf 'label: gpt\\nstart=8192\\n' | sfdisk -q --wipe always --no-reread --no-tell-kernel \(disk.device)"
                )
            }
            await expectError(.notFound) {
                try await Self.call(
                    linked, disk.name, { try await linked.host.formatVolume(volume) }, meanwhile: partition)
            }
            let now = try await linked.host.volumes(on: try disk.number, partition: nil)
            try #require(now.count == 1 && now != [volume])
            #expect(try await !linked.host.isVolumeFormatted(now[0]))
        }
    }
}
