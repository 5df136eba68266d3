// SPDX-License-Identifier: Apache-2.0

import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Synchronization
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S8: a tool sees the device that it works on and no other, so that it never waits for another that hangs.
    @Suite struct S8ToolsSeeTheirDeviceTests {
        /// Every tool that there is for each filesystem, beside a disk that answers nothing and a mount of it that
        /// answers nothing.
        @Test(arguments: FilesystemKind.allCases)
        func everyToolDoesItsWorkBesideADiskThatHangs(_ kind: FilesystemKind) async throws {
            let disk = try LoopDisk(size: 512 << 20)
            let linked = try LinkedHost(kind)
            let host = linked.host
            let volume = try await linked.volume(on: disk)
            _ = try await host.isVolumeFormatted(volume)
            try disk.grow(to: 1 << 30)
            try await host.rescanDisks()
            let file = try FaultyFile(size: 64 << 20)
            let hung = try file.attach()
            // So that the search for the volume has an answer of it.
            _ = try await host.volumes(on: try hung.number, partition: nil)
            try file.order(.hang)

            let isLate = Atomic(false)
            let bound = Task {
                try await Task.sleep(for: .seconds(120))
                isLate.store(true, ordering: .sequentiallyConsistent)
                try file.order(.none)
            }
            try await host.formatVolume(volume)
            let open = try OpenVolume.opened(
                try await host.backend.index.volumes(on: host.backend.node(try disk.number))[0], .exclusive)
            #expect(try await kind.driver.faultRun(on: open).toItsEnd(deadline: .seconds(100)).status == 0)
            if kind == .ext4 {
                let preened = try await kind.driver.preenRun(on: open).toItsEnd(deadline: .seconds(100))
                #expect(CheckStatus(rawValue: preened.status).isMountable)
            }
            if kind == .ext4 || kind == .ntfs {
                for run in try [kind.driver.checkRun(on: open)] + kind.driver.growthRuns(on: open) {
                    _ = try await run.toItsEnd(deadline: .seconds(100))
                }
            }
            withExtendedLifetime(open) {}
            bound.cancel()
            try file.order(.none)
            let waited = isLate.load(ordering: .sequentiallyConsistent)
            #expect(!waited, "a tool has waited for the disk that hangs")
        }

        @Test func aToolSeesNoOtherDeviceAndNoOtherMount() async throws {
            let disk = try LoopDisk(size: 512 << 20)
            let other = try LoopDisk(size: 64 << 20)
            let linked = try LinkedHost(.xfs)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            try await host.makeDirectory(place)
            try Command.run("mkfs.ext4", "-q", other.device)
            let otherPlace = "\(linked.scratch.path)/other"
            try FileManager.default.createDirectory(atPath: otherPlace, withIntermediateDirectories: true)
            try Command.run("mount", other.device, otherPlace)
            let open = try OpenVolume.opened(
                try await host.backend.index.volumes(on: host.backend.node(try disk.number))[0], .exclusive)

            let name = URL(filePath: disk.partition()).lastPathComponent
            let script = """
                set -e
                test -b /dev/\(name)
                for node in $(ls /dev); do
                    case $node in \(name) | null | zero | random | urandom | btrfs-control) ;; *) exit 9 ;; esac
                done
                ! grep -q \(otherPlace) /proc/self/mountinfo
                exec 3</dev/\(name) 4>/dev/null
                """
            let shell = try ChildProgram("sh", package: "dash")
            let (status, errors) = try await shell.run(["-c", script], on: open.device, deadline: .seconds(60))
            #expect(status == 0, "\(errors)")

            // And while one runs, it keeps no mount of others.
            let device = open.device
            let tool = Task {
                try await shell.run(["-c", "sleep 2"], on: device, deadline: .seconds(60)).status
            }
            try Command.run("umount", otherPlace)
            _ = try await tool.value
            withExtendedLifetime(open) {}
        }

        /// The tools of ntfs do not claim it themselves.
        @Test func aToolOfNTFSHasItsDeviceForItselfAlone() async throws {
            let disk = try LoopDisk(size: 64 << 20)
            let linked = try LinkedHost(.ntfs)
            let volume = try #require(try await linked.formattedVolumes(on: [disk]).first)
            try disk.grow(to: 128 << 20)
            try await linked.host.rescanDisks()
            let tool = try StandInProgram("/usr/sbin/ntfsresize", #"exec "$program" "$@""#)
            let growth = Task { try await linked.host.resizeVolume(volume, to: .maximum) }
            try await tool.hasBegun()
            let error = #expect(throws: StorageError.self) {
                _ = try Descriptor(opening: disk.partition(), O_RDONLY | O_EXCL | O_NONBLOCK).raw
            }
            #expect(error?.code == .busy)
            tool.goOn()
            try await growth.value
        }

        /// The view ends with the tool, also with one that is stopped.
        @Test func aToolThatIsStoppedLeavesNothing() async throws {
            let disk = try LoopDisk(size: 512 << 20)
            let linked = try LinkedHost(.ext4)
            let volume = try await linked.volume(on: disk)
            let node = try await linked.host.backend.node(try disk.number)
            let found = try await linked.host.backend.index.volumes(on: node)[0]
            func stop() async throws {
                let open = try OpenVolume.opened(found, .exclusive)
                let shell = try ChildProgram("sh", package: "dash")
                await expectError(.deadlineExceeded) {
                    try await shell.run(["-c", "sleep 1000"], on: open.device, deadline: .milliseconds(200))
                }
                withExtendedLifetime(open) {}
            }
            try await stop()
            try await linked.host.formatVolume(volume)
        }

        /// And not forty lines of how it wants to be called.
        @Test func theReasonOfAToolThatRefusesIsReported() async throws {
            let disk = try LoopDisk(size: 8 << 20)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            let error = await expectError(.failedPrecondition, "mkfs.xfs failed", "too small") {
                try await linked.host.formatVolume(volume)
            }
            #expect(error.map { !"\($0)".contains("blocksize") } ?? false)
        }
    }
}
