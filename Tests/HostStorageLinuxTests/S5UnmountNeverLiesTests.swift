// SPDX-License-Identifier: Apache-2.0

import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S5: an unmount reports the state of the mount, and its holders.
    @Suite(.timeLimit(.minutes(20))) struct S5UnmountNeverLiesTests {
        @Test func anUnmountOfTheLastMountReleasesTheDevice() async throws {
            let mounted = try await MountedVolume()
            #expect(try await mounted.unmount() == .released)
            // True: another process can claim the device.
            let claim = open(mounted.disk.partition(), O_RDONLY | O_EXCL)
            #expect(claim >= 0)
            close(claim)
            await expectError(.failedPrecondition, "not a mounted folder") { try await mounted.unmount() }
        }

        /// The process, and its use of the mount.
        @Test(arguments: [
            ("open file", "exec 3>$0/held; echo; cat"), ("current directory", "cd $0; echo; cat"),
            ("mapped file", "exec $0/held"),
        ])
        func aMountInUseIsBusyWithItsHolders(_ use: String, _ script: String) async throws {
            let mounted = try await MountedVolume()
            if use == "mapped file" {
                // A program that runs from there is mapped from there.
                try Command.run("cp", "/bin/cat", "\(mounted.place)/held")
            }
            let holder = try HoldingProcess(script, mounted.place)
            let error = try #require(await expectError(.busy, "process \(holder.id)") { try await mounted.unmount() })
            let uses = error.holders.compactMap { found -> String? in
                if case .process(holder.id, _, let use) = found { use } else { nil }
            }
            #expect(uses == [use == "mapped file" ? "program" : use])
            #expect(try MountTable.read().contains { $0.target == mounted.place }, "it has not been detached")
            holder.end()
            #expect(try await mounted.unmount() == .released)
        }

        @Test func aMountBelowIsInTheWayAndIsNamed() async throws {
            let mounted = try await MountedVolume()
            try Command.run("mkdir", "\(mounted.place)/below")
            try Command.run("mount", "-t", "tmpfs", "none", "\(mounted.place)/below")
            let error = try #require(await expectError(.busy) { try await mounted.unmount() })
            #expect(error.holders == [.mount(target: "\(mounted.place)/below", seenByProcess: nil)])
            try Command.run("umount", "\(mounted.place)/below")
            #expect(try await mounted.unmount() == .released)
        }

        @Test func aBindMountElsewhereStillHoldsTheDevice() async throws {
            let mounted = try await MountedVolume()
            let target = mounted.linked.path("target")
            try await mounted.linked.host.makeDirectory(target)
            try Command.run("mount", "--bind", mounted.place, target)
            #expect(try await mounted.unmount() == .stillHeld(by: [.mount(target: target, seenByProcess: nil)]))
            #expect(try await mounted.unmount(from: target) == .released)
        }

        /// Nothing in this namespace shows it but the refusal of O_EXCL.
        @Test func aMountInAnotherNamespaceStillHoldsTheDevice() async throws {
            let mounted = try await MountedVolume()
            let holder = try HoldingProcess("exec unshare --mount --propagation private sh -c 'echo; exec cat'", "")
            #expect(
                try await mounted.unmount() == .stillHeld(by: [.mount(target: mounted.place, seenByProcess: holder.id)])
            )
            holder.end()
            let open = try OpenVolume.opened(try await mounted.linked.host.backend.index.locate(mounted.volume))
            try await eventually("the device is free") { try !open.isInUse() }
        }

        /// The mount on top is another program's, and the one below comes to light again.
        @Test func onlyTheVolumeOnTopIsUnmounted() async throws {
            let mounted = try await MountedVolume()
            try Command.run("mount", "-t", "tmpfs", "none", mounted.place)
            await expectError(.failedPrecondition, "another volume is mounted there") { try await mounted.unmount() }
            try Command.run("umount", mounted.place)
            try Command.run("mount", "--bind", mounted.place, mounted.place)
            let first = try await mounted.unmount()
            #expect(first == .stillHeld(by: [.mount(target: mounted.place, seenByProcess: nil)]))
            #expect(try await mounted.unmount() == .released)
        }

        @Test func aWriterKeepsTheMountAndLosesNothing() async throws {
            let mounted = try await MountedVolume()
            let writer = try HoldingProcess(
                "exec 3>$0/log; echo; i=0; while test ! -e $0.end; do i=$((i+1)); echo $i >&3; done; echo $i >$0.end",
                mounted.place)
            for _ in 0..<2 {
                await expectError(.busy, "process \(writer.id)", "open file") { try await mounted.unmount() }
            }
            _ = FileManager.default.createFile(atPath: "\(mounted.place).end", contents: nil)
            writer.hasEnded()
            let lines = try String(contentsOfFile: "\(mounted.place).end", encoding: .utf8)
            #expect(try await mounted.unmount() == .released)
            try await mounted.mount()
            #expect("\(try Command.run("tail", "--lines", "1", "\(mounted.place)/log"))\n" == lines)
            try await mounted.unmount()
        }

        /// The disk loses data: the mount stays, and the caller learns of it.
        @Test(arguments: [false, true]) func dataThatCannotBeWrittenFailTheUnmount(byForce: Bool) async throws {
            let file = try FaultyFile(size: 64 << 20)
            let mounted = try await MountedVolume(on: file.attach())
            var broken = FaultyFile.Faults.none
            broken.writeErrors = [[0, .max]]
            try "lost".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try file.order(broken)
            await expectError(.inputOutput) {
                if byForce {
                    try await mounted.linked.host.remove(mounted.place, force: true)
                } else {
                    try await mounted.unmount()
                }
            }
            #expect(try MountTable.read().contains { $0.target == mounted.place })
            try file.order(.none)
        }
    }
}

/// A volume with a filesystem, mounted.
struct MountedVolume {
    let linked: LinkedHost
    let disk: LoopDisk
    let volume: VolumeID
    let place: String

    init(_ filesystem: FilesystemKind = .ext4, on disk: LoopDisk? = nil) async throws {
        // xfs and btrfs take more room.
        self.disk = try disk ?? LoopDisk(size: filesystem == .ext4 ? 64 << 20 : 384 << 20)
        linked = try LinkedHost(filesystem)
        volume = try await linked.formattedVolumes(on: [self.disk])[0]
        place = linked.path("staging")
        try await linked.host.makeDirectory(place)
        try await mount()
    }

    func mount() async throws { try await linked.host.mountVolume(volume, at: place) }

    @discardableResult
    func unmount(from path: String? = nil) async throws -> UnmountOutcome {
        try await linked.host.unmountVolume(volume, from: path ?? place)
    }
}
