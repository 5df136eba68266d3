// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import LoopDisks
import Synchronization
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// What is kept of the disks from one call to the next is never older than the last change, by this or another
    /// program. docs/decisions/0017 says of each fact how a change of it is noticed.
    @Suite(.timeLimit(.minutes(10))) struct KeptDisksTests {
        /// Twice, so that the second answer is a kept one.
        private static func list(_ linked: LinkedHost) async throws -> [DiskNumber: DiskIdentifiers] {
            _ = try await linked.host.diskIdentifiers()
            return try await linked.host.diskIdentifiers()
        }

        @Test func anotherFileUnderTheSameNameIsAnotherDisk() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let other = "\(linked.scratch.path)/other"
            try Command.run("truncate", "--size", "64M", other)
            let number = try disk.number
            let before = try #require(try await Self.list(linked)[number])
            try Command.run("losetup", "--detach", disk.device)
            #expect(try await linked.host.diskIdentifiers()[number] == nil)
            await expectError(.notFound) { try await linked.host.diskSize(number) }
            try Command.run("losetup", disk.device, other)
            let after = try await linked.host.diskIdentifiers()
            #expect(after[number] == nil)
            #expect(try #require(after[try disk.number]).page83 != before.page83)
            #expect(try await linked.host.diskSize(try disk.number) == 64 << 20)
        }

        /// The place in the file is a part of the name.
        @Test func anotherPartOfTheFileIsAnotherDisk() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let before = try #require(try await Self.list(linked)[try disk.number])
            try Command.run("losetup", "--detach", disk.device)
            try Command.run("losetup", "--offset", "1048576", disk.device, disk.file)
            let after = try #require(try await linked.host.diskIdentifiers()[try disk.number])
            #expect(after.page83 == "\(before.page83)-1048576")
        }

        @Test func aDiskIsListedFromTheMomentThatItIsThere() async throws {
            let linked = try LinkedHost()
            for _ in 0..<3 {
                let before = try await Self.list(linked).keys
                let disk = try LoopDisk(size: 64 << 20)
                #expect(try !before.contains(disk.number))
                #expect(try await linked.host.diskIdentifiers().keys.contains(try disk.number))
            }
        }

        @Test func aDiskThatHasGrownHasItsNewSize() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let number = try disk.number
            _ = try await Self.list(linked)
            try disk.grow(to: 128 << 20)
            try Command.run("losetup", "--set-capacity", disk.device)
            let inventory = linked.host.backend.inventory
            #expect(try inventory.disk(number).features.size == 128 << 20)
            #expect(try inventory.list()[number]?.features.size == 128 << 20)
            // The plan is for the new size, and the lock compares.
            try await linked.host.partitionDisk(number)
        }

        /// The kernel sends no event for it.
        @Test func aDiskIsReadOnlyFromTheMomentThatItIs() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let number = try disk.number
            let volume = try await linked.volume(on: disk)
            _ = try await Self.list(linked)
            #expect(try await !linked.host.isDiskReadOnly(number))
            try Command.run("blockdev", "--setro", disk.device)
            defer { _ = try? Command.run("blockdev", "--setrw", disk.device) }
            #expect(try await linked.host.isDiskReadOnly(number))
            await expectError(.failedPrecondition, "the disk is read-only") {
                try await linked.host.formatVolume(volume)
            }
            try Command.run("blockdev", "--setrw", disk.device)
            try await linked.host.formatVolume(volume)
        }

        /// A write raises no event at all, so nothing that a disk holds is kept without a look at it.
        @Test func whatAnotherProgramWritesIsSeen() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let number = try disk.number
            _ = try await Self.list(linked)
            #expect(try await linked.host.volumes(on: number, partition: nil).isEmpty)
            func partition(_ text: String) throws {
                try Command.run(
                    "sh", "-c",
                    "printf '\(text)' | sfdisk -q --wipe always --no-reread --no-tell-kernel \(disk.device)")
            }
            try partition("label: gpt\\n,16M\\n,16M\\n")
            let first = try await linked.host.volumes(on: number, partition: nil)
            #expect(first.count == 2)
            try partition("label: gpt\\nstart=8192\\n")
            let second = try await linked.host.volumes(on: number, partition: nil)
            try #require(second.count == 1 && !first.contains(second[0]))
            for volume in first {
                // Whether no disk has it, or one of the machine's others does not answer.
                await #expect(throws: StorageError.self) { try await linked.host.formatVolume(volume) }
            }
            #expect(try await !linked.host.isVolumeFormatted(second[0]))
            try Command.run("mkfs.ext4", "-q", disk.partition())
            #expect(try await linked.host.isVolumeFormatted(second[0]))
            await expectError(.failedPrecondition, "it is not blank") {
                try await linked.host.formatVolume(second[0])
            }
        }

        /// Who is alike is kept as well.
        @Test func aSecondPathToADiskIsNoticed() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.volume(on: disk)
            for _ in 0..<2 { _ = try await linked.host.isVolumeFormatted(volume) }
            let twin = try Command.run("losetup", "--find", "--show", disk.file)
            defer { _ = try? Command.run("losetup", "--detach", twin) }
            await expectError(.failedPrecondition, twin, "name themselves alike") {
                try await linked.host.formatVolume(volume)
            }
            try Command.run("losetup", "--detach", twin)
            try await linked.host.formatVolume(volume)
        }

        /// The loop devices of the machine are kept too.
        @Test func aLoopDeviceOnAVolumeIsNoticed() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let (volume, place) = (try await linked.formattedVolumes(on: [disk])[0], linked.path("staging"))
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try await linked.host.unmountVolume(volume, from: place)
            let loop = try Command.run("losetup", "--find", "--show", disk.partition())
            defer { _ = try? Command.run("losetup", "--detach", loop) }
            let elsewhere = "\(linked.scratch.path)/elsewhere"
            try Command.run("mkdir", elsewhere)
            try Command.run("mount", loop, elsewhere)
            await expectError(.failedPrecondition, "the same bytes are in use as \(loop)") {
                try await linked.host.mountVolume(volume, at: place)
            }
            try Command.run("umount", elsewhere)
            try Command.run("losetup", "--detach", loop)
            try await linked.host.mountVolume(volume, at: place)
            try await linked.host.unmountVolume(volume, from: place)
        }

        // MARK: - The count of events

        /// The kernel's part of it: each of these raises the count before the program ends.
        @Test(.enabled(if: KernelEvents.countsLoopDevices, "takes Linux 6.15"))
        func eachChangeOfALoopDeviceIsCounted() throws {
            let disk = try LoopDisk(size: 64 << 20)
            func isCounted(_ arguments: String...) throws {
                let before = try #require(KernelEvents.count())
                try Command.run(["losetup"] + arguments)
                #expect(try #require(KernelEvents.count()) > before, "\(arguments)")
            }
            try disk.grow(to: 128 << 20)
            try isCounted("--set-capacity", disk.device)
            try isCounted("--detach", disk.device)
            try isCounted(disk.device, disk.file)
            try isCounted("--detach", disk.device)
            try isCounted("--offset", "1048576", disk.device, disk.file)
        }

        @Test(.enabled(if: KernelEvents.countsLoopDevices, "takes Linux 6.15"))
        func theListIsKeptUntilAnEventIsCounted() throws {
            let disk = try LoopDisk(size: 64 << 20)
            let count = Mutex<UInt64?>(7)
            let inventory = DiskInventory { count.withLock { $0 } }
            let first = try inventory.list()
            let number = try disk.number
            #expect(first[number] != nil)
            try Command.run("losetup", "--detach", disk.device)
            #expect(try inventory.list() === first)
            #expect(try inventory.disk(number).name == disk.name)
            count.withLock { $0 = 8 }
            #expect(try inventory.list()[number] == nil)
            #expect(inventory.unchangedList()?[number] == nil)
            expectError(.notFound) { try inventory.disk(number) }
            try Command.run("losetup", disk.device, disk.file)
        }

        @Test func withoutACountNothingIsKept() throws {
            let disk = try LoopDisk(size: 64 << 20)
            let inventory = DiskInventory { nil }
            let number = try disk.number
            #expect(try inventory.list()[number] != nil)
            #expect(inventory.unchangedList() == nil)
            try Command.run("losetup", "--detach", disk.device)
            #expect(try inventory.list()[number] == nil)
            expectError(.notFound) { try inventory.disk(number) }
            try Command.run("losetup", disk.device, disk.file)
        }
    }
}
