// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// S5: a disk that was unplugged leaves its mount behind, found by the ID of a volume that no disk has any more.
    @Suite(.timeLimit(.minutes(5))) struct S5VanishedDiskTests {
        /// A volume whose disk has been unplugged while it was mounted and written to.
        private func vanished(
            _ filesystem: FilesystemKind, _ body: (LinkedHost, ScsiDisks, VolumeID, String) async throws -> Void
        ) async throws {
            let disks = try ScsiDisks(mebibytes: 384)
            let disk = try disks.add()
            let linked = try LinkedHost(filesystem)
            let volume = try await linked.volume(on: disk.number)
            try await linked.host.formatVolume(volume)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try "lost".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            try disk.remove()
            try await body(linked, disks, volume, place)
            #expect(!Kernel.mounts().contains(place))
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func itsMountIsUnmounted(_ filesystem: FilesystemKind) async throws {
            try await vanished(filesystem) { linked, _, volume, place in
                let other = try VolumeID(guid: UUID().uuidString.lowercased())
                await expectError(.notFound) { try await linked.host.unmountVolume(other, from: place) }
                #expect(try await linked.host.volume(mountedAt: place) == volume)
                #expect(try await linked.host.isSymlink(place))
                #expect(try await linked.host.unmountVolume(volume, from: place) == .released)
                try await linked.host.remove(place, force: false)
            }
        }

        /// By a proxy that has not seen the disk.
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func itsMountIsUnmountedAfterARestart(_ filesystem: FilesystemKind) async throws {
            try await vanished(filesystem) { linked, _, volume, place in
                let later = try LinkedHost(restarting: linked)
                #expect(try await later.host.unmountVolume(volume, from: place) == .released)
            }
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func itsMountIsRemovedByForce(_ filesystem: FilesystemKind) async throws {
            try await vanished(filesystem) { linked, _, _, place in
                await expectError(.busy, "mounted") { try await linked.host.remove(place, force: false) }
                try await linked.host.remove(place, force: true)
                #expect(try await !linked.host.pathExists(place))
            }
        }

        /// The disk no longer shows whose it is.
        @Test(arguments: [FilesystemKind.ext4, .btrfs])
        func itsMountIsNotTakenAwayByCallersConfinedToSomeDisks(_ filesystem: FilesystemKind) async throws {
            try await vanished(filesystem) { linked, _, volume, place in
                let confined = try linked.host.confined(
                    to: CallConfinement("all disks with names", roots: nil) { _ in true })
                await expectError(.denied) { try await confined.remove(place, force: true) }
                await expectError(.denied) { _ = try await confined.unmountVolume(volume, from: place) }
                try await linked.host.unmountVolume(volume, from: place)
            }
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func itsMountMakesRoomForTheNextVolume(_ filesystem: FilesystemKind) async throws {
            try await vanished(filesystem) { linked, disks, _, place in
                let next = try await linked.volume(on: disks.add().number)
                try await linked.host.formatVolume(next)
                let holder = try HoldingProcess("cd $0 && echo && cat", place)
                await expectError(.failedPrecondition, "gone", "process \(holder.id)") {
                    try await linked.host.mountVolume(next, at: place)
                }
                holder.end()
                try await linked.host.mountVolume(next, at: place)
                #expect(try await linked.host.volume(mountedAt: place) == next)
                try "new".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
                try await linked.host.unmountVolume(next, from: place)
            }
        }
    }
}
