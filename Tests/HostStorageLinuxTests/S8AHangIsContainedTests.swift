// SPDX-License-Identifier: Apache-2.0

import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S8: an operation that hangs is visible, keeps its lock, and delays no other.
    @Suite(.timeLimit(.minutes(20))) struct S8AHangIsContainedTests {
        // MARK: - Others go on

        /// Stage and unstage, with all the queries that a node plugin makes meanwhile. All timeouts are long: a call
        /// that waited for the disk that hangs would wait longer than this suite may take. `make bench` measures how
        /// much slower the other disks are.
        @Test func thirtyTwoVolumesGoOnBesideOneThatHangs() async throws {
            let linked = try LinkedHost(timeout: .seconds(7200), silence: .seconds(7200))
            let disks = try (0..<32).map { _ in try LoopDisk(size: 64 << 20) }
            let volumes = try await linked.formattedVolumes(on: disks)
            let file = try FaultyFile(size: 64 << 20)
            defer { _ = try? file.order(.none) }
            let faulty = try file.attach()
            let bad = try await linked.formattedVolumes(on: [faulty])[0]
            let place = linked.path("bad")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(bad, at: place)
            try await cycle(volumes, disks, linked)

            // Data to write out, which then hangs.
            try "unwritten".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            try file.order(.hang)
            let stuck = Task { try await linked.host.flushVolume(bad) }
            try await linked.running("flush volume \(bad)")
            try await eventually("the disk is written to and hangs") { try file.order(.hang) > 0 }
            try await finishing("all volumes complete their cycles beside the one that hangs", within: .seconds(900)) {
                try await cycle(volumes, disks, linked)
            }
            #expect(linked.host.operations.running.map(\.operation.description) == ["flush volume \(bad)"])
            #expect(try file.order(.hang) > 0, "the disk has hung all the time")
            try file.order(.none)
            try await finishing("the flush ends when the disk answers") { try await stuck.value }
            try await linked.host.unmountVolume(bad, from: place)
        }

        private func cycle(_ volumes: [VolumeID], _ disks: [LoopDisk], _ linked: LinkedHost) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (volume, disk) in zip(volumes, disks) {
                    group.addTask {
                        let (host, place) = (linked.host, linked.path("staging-\(disk.name)"))
                        let number = try disk.number
                        for _ in 0..<2 {
                            let all = try await host.diskIdentifiers()
                            #expect(all[number] != nil)
                            let found = try await host.volumes(on: number, partition: nil)
                            #expect(found == [volume])
                            let isFormatted = try await host.isVolumeFormatted(volume)
                            #expect(isFormatted)
                            try await host.makeDirectory(place)
                            try await host.mountVolume(volume, at: place)
                            _ = try await host.volumeStats(volume)
                            let outcome = try await host.unmountVolume(volume, from: place)
                            #expect(outcome == .released)
                            try await host.remove(place, force: true)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }

        /// A format and a resize look at all disks for a second volume of the same ID.
        @Test func searchesAndRescansAndListsDoNotWaitForADiskThatHangs() async throws {
            // A call that waits for a silent disk here waits longer than this suite may take.
            let linked = try LinkedHost(silence: .seconds(600))
            let file = try FaultyFile(size: 64 << 20)
            let faulty = try file.attach()
            let (good, known) = (try LoopDisk(size: 64 << 20), try faulty.number)
            let bad = try await linked.volume(on: faulty)
            let volume = try await linked.volume(on: good)
            _ = try await linked.host.diskIdentifiers()
            try file.order(.hang)
            let stuck = Task { try await linked.host.isVolumeFormatted(bad) }
            try await linked.isAtWork(on: faulty, for: .milliseconds(300))

            try await linked.host.formatVolume(volume)
            let all = try await linked.host.diskIdentifiers()
            #expect(all[known] != nil, "what is known of it stands in for it")
            #expect(all[try good.number] != nil)
            try await linked.host.rescanDisks()
            try good.grow(to: 96 << 20)
            try await linked.host.rescanDisks()
            try await linked.host.resizeVolume(volume, to: .maximum)
            #expect(try await linked.host.disk(of: bad) == known)
            await expectError(.notFound) { try await linked.host.disk(of: VolumeID(guid: "\(UUID())")) }
            try file.order(.none)
            _ = try await stuck.value
        }

        /// A disk without any answer yet: a volume found elsewhere is worked on, and one not found may be on it.
        @Test func aDiskThatHasNeverAnsweredDelaysNoOtherAndDeniesNothing() async throws {
            let linked = try LinkedHost(silence: .seconds(1))
            let file = try FaultyFile(size: 64 << 20)
            let faulty = try file.attach()
            let good = try LoopDisk(size: 64 << 20)
            let volume = try await linked.volume(on: good)
            try file.order(.hang)
            let fresh = try LinkedHost(silence: .seconds(1), restarting: linked)
            try await fresh.host.formatVolume(volume)
            #expect(try await fresh.host.disk(of: volume) == good.number)
            try good.grow(to: 96 << 20)
            try await fresh.host.rescanDisks()
            try await fresh.host.resizeVolume(volume, to: .maximum)
            await expectError(.unavailable, faulty.device) {
                try await fresh.host.disk(of: VolumeID(guid: "\(UUID())"))
            }
            try file.order(.none)
            try await linked.nothingIsRunning()
            while fresh.host.backend.queues.timeAtWork(in: .disk(name: faulty.name)) > .zero {
                try await Task.sleep(for: .milliseconds(5))
            }
            await expectError(.notFound) { try await fresh.host.disk(of: VolumeID(guid: "\(UUID())")) }
        }

        @Test func aLoopDeviceThatHangsInItsRescanDelaysNoOther() async throws {
            let linked = try LinkedHost(silence: .seconds(10))
            let file = try FaultyFile(size: 64 << 20)
            let faulty = try file.attach()
            let good = try LoopDisk(size: 64 << 20)
            _ = try await linked.host.diskIdentifiers()
            _ = try await linked.host.diskSize(try faulty.number)
            try file.order(.silent)
            let rescan = Task { try await linked.host.rescanDisks() }
            try await linked.isAtWork(on: faulty, for: .milliseconds(300))
            let volume = try await linked.formattedVolumes(on: [good])[0]
            #expect(try await linked.host.isVolumeFormatted(volume))
            // It goes on without the disk that does not answer.
            try await rescan.value
            try file.order(.none)
        }

        // MARK: - The disk that hangs

        /// The caller leaves at once, the operation stays visible and in the way of its own disk alone.
        @Test func aCancelledCallerLeavesAndTheOperationStays() async throws {
            let linked = try LinkedHost(timeout: .milliseconds(100))
            let file = try FaultyFile(size: 64 << 20)
            let disk = try file.attach()
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try file.order(.hang)
            let caller = Task { try await linked.host.mountVolume(volume, at: place) }
            try await linked.running("mount volume \(volume) at \(place)")
            try await linked.isAtWork(on: disk, for: .milliseconds(300))
            caller.cancel()
            await expectError(.cancelled) { try await caller.value }
            #expect(linked.host.operations.running.map(\.callers) == [0])

            await expectError(.aborted, "mount volume \(volume) at \(place) has been running for") {
                try await linked.host.formatVolume(volume)
            }
            await expectError(.aborted, "has been running for") { try await linked.host.remove(place, force: true) }
            try file.order(.none)
            try await linked.nothingIsRunning()
            // The operation that its caller left has ended.
            #expect(try await linked.host.volume(mountedAt: place) == volume)
            try await linked.host.unmountVolume(volume, from: place)
        }

        /// A query has no key, and its caller waits for it alone.
        @Test func theCallerOfAQueryLeavesADiskThatHangs() async throws {
            let linked = try LinkedHost()
            let file = try FaultyFile(size: 64 << 20)
            let disk = try file.attach()
            // The disk is detached before the file answers otherwise, and its partition is asked for that.
            defer { withExtendedLifetime(disk) { _ = try? file.order(.none) } }
            let volume = try await linked.volume(on: disk)
            try file.order(.hang)
            let callers = [
                Task { _ = try await linked.host.isVolumeFormatted(volume) },
                Task { _ = try await linked.host.isVolumeFormatted(volume) },
                Task { _ = try await linked.host.volumeStats(volume) },
            ]
            try await linked.isAtWork(on: disk, for: .milliseconds(300))
            for caller in callers { caller.cancel() }
            try await finishing("the callers are answered", within: .seconds(30)) {
                for caller in callers { await expectError(.cancelled) { try await caller.value } }
            }
            #expect(try file.order(.hang) > 0, "the disk has hung all the time")
        }

        @Test func callsToADiskThatHangsTakeNoThreadsAndLeaveNothingBehind() async throws {
            let linked = try LinkedHost()
            let file = try FaultyFile(size: 64 << 20)
            let disk = try file.attach()
            let number = try disk.number
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            _ = try await linked.host.diskIdentifiers()
            // What the kernel remembers of the file would be read without it.
            try Command.run("dd", "if=\(disk.file)", "iflag=nocache", "count=0")
            try file.order(.hang)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<600 {
                    group.addTask {
                        let caller = Task {
                            switch index % 5 {
                            case 0: _ = try await linked.host.diskSize(number)
                            case 1: _ = try await linked.host.volumeStats(volume)
                            case 2: _ = try await linked.host.isVolumeFormatted(volume)
                            case 3: try await linked.host.mountVolume(volume, at: place)
                            default: _ = try await linked.host.diskIdentifiers()
                            }
                        }
                        try await Task.sleep(for: .milliseconds(500))
                        caller.cancel()
                        _ = await caller.result
                    }
                }
                try await group.waitForAll()
            }
            // Every queue is a thread: the disk's, and those of the paths and the volume that lead to it.
            try await eventually("no more queues are at work than there are ways to the disk") {
                linked.host.backend.queues.countAtWork(longerThan: .zero) <= 3
            }
            #expect(try file.order(.hang) > 0, "the disk has hung all the time")
            try file.order(.none)
            try await linked.nothingIsRunning()
            #expect(try await linked.host.diskSize(number) == 64 << 20)
            #expect(linked.host.backend.queues.timeAtWork(in: .disk(name: disk.name)) == .zero)
        }

        // MARK: - Tools

        /// A mkfs that neither ends nor listens.
        @Test func aToolThatHangsIsInTheWayOfItsDiskAlone() async throws {
            let linked = try LinkedHost(timeout: .milliseconds(100))
            let (disk, other) = (try LoopDisk(size: 64 << 20), try LoopDisk(size: 64 << 20))
            let volume = try await linked.volume(on: disk)
            let otherVolume = try await linked.formattedVolumes(on: [other])[0]
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", #"exec "$program" "$@""#, prelude: "trap '' TERM")
            let caller = Task { try await linked.host.formatVolume(volume) }
            try await tool.hasBegun()
            caller.cancel()
            await expectError(.cancelled) { try await caller.value }
            await expectError(.aborted, "format volume \(volume) has been running for") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
            #expect(linked.host.operations.running.map(\.operation.description) == ["format volume \(volume)"])
            #expect(try await linked.host.isVolumeFormatted(otherVolume))
            #expect(try await !linked.host.isVolumeFormatted(volume), "it is not formatted until it is")
            tool.goOn()
            try await linked.nothingIsRunning()
            #expect(try await linked.host.isVolumeFormatted(volume))
        }

        /// A child that no signal ends, because it sleeps in the kernel: it counts as running until it has ended.
        @Test func aToolInUninterruptibleSleepKeepsItsLockUntilItEnds() async throws {
            let file = try FaultyFile(size: 64 << 20)
            let disk = try file.attach()
            let program = try ChildProgram("dd", package: "coreutils")
            try file.order(.hang)
            let device = disk.device
            let run = Task {
                try await program.run(
                    ["if=\(device)", "of=/dev/null", "iflag=direct", "count=1"], deadline: .seconds(3))
            }
            // Among the children of this process alone.
            func state() throws -> String {
                try Command.run("sh", "-c", "ps --ppid \(getpid()) -o stat=,args= | grep 'if=\(device)' || true")
            }
            try await eventually("the program sleeps in the kernel") { try state().hasPrefix("D") }
            // Beyond its deadline and the grace that follows.
            try await Task.sleep(for: .seconds(6))
            let state = try state()
            #expect(state.hasPrefix("D"), "\(state)")
            let queues = BlockingQueues()
            for index in 0..<32 {
                let answer = try await queues.run(in: .disk(name: "\(index)")) { index }
                #expect(answer == index)
            }
            try file.order(.none)
            await expectError(.deadlineExceeded, "stopped") { try await run.value }
        }
    }
}
