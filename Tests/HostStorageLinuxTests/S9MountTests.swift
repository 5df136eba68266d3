// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S9: the running system's disks are neither mounted nor revealed by a path. The system is here one that the test
    /// makes: a loop device at a place of the system, in this process's own namespace.
    @Suite(.timeLimit(.minutes(5))) struct S9MountTests {
        /// A formatted volume at a place of the system.
        private struct SystemVolume {
            let linked: LinkedHost
            let disk: LoopDisk
            let volume: VolumeID
            let place: String

            init(at place: String = "/srv", on disk: LoopDisk? = nil) async throws {
                self.place = place
                self.disk = try disk ?? LoopDisk(size: 64 << 20)
                linked = try LinkedHost()
                volume = try await linked.formattedVolumes(on: [self.disk])[0]
                // Mounted and unmounted once, the kernel knows the partition.
                let staging = linked.path("staging")
                try await linked.host.makeDirectory(staging)
                try await linked.host.mountVolume(volume, at: staging)
                try await linked.host.unmountVolume(volume, from: staging)
                try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                try Command.run("mount", self.disk.partition(), place)
            }

            func end() throws { try Command.run("umount", place) }
        }

        @Test(arguments: ["/srv", "/opt", "/home", "/boot", "/var/lib/containerd"])
        func aVolumeOfTheSystemsDiskIsNotMounted(_ place: String) async throws {
            let system = try await SystemVolume(at: place)
            let (host, staging) = (system.linked.host, system.linked.path("staging"))
            await expectError(.denied, "running system") { try await host.mountVolume(system.volume, at: staging) }
            #expect(try !MountTable.read().contains { $0.target == staging })
            await SystemDiskUse.$current.withValue(SystemDiskUse { _ in false }) {
                await expectError(.denied, "running system") { try await host.mountVolume(system.volume, at: staging) }
            }
            try system.end()
            try await host.mountVolume(system.volume, at: staging)
            try await host.unmountVolume(system.volume, from: staging)
        }

        @Test func aVolumeOfTheSystemsDiskIsMountedForCallersThatNameTheDisk() async throws {
            let system = try await SystemVolume()
            let (host, staging) = (system.linked.host, system.linked.path("staging"))
            let own = try #require(try await host.diskIdentifiers()[system.disk.number])
            try await SystemDiskUse.$current.withValue(SystemDiskUse { $0 == own }) {
                try await host.mountVolume(system.volume, at: staging)
                #expect(try await host.volume(mountedAt: staging) == system.volume)
                #expect(try await host.volume(closestTo: staging) == system.volume)
                // But no more than that.
                await expectError(.denied, "running system") { try await host.formatVolume(system.volume) }
                await expectError(.denied, "running system") {
                    try await host.resizeVolume(system.volume, to: .maximum)
                }
                await expectError(.denied, "running system") {
                    try await host.setDiskState(system.disk.number, to: .offline)
                }
            }
            await expectError(.denied, "running system") { try await host.volume(mountedAt: staging) }
            await SystemDiskUse.$current.withValue(SystemDiskUse { $0 != own }) {
                await expectError(.denied, "running system") { try await host.volume(mountedAt: staging) }
                await expectError(.denied, "running system") { try await host.volume(closestTo: staging) }
            }
            // It can always be unmounted again.
            try await host.unmountVolume(system.volume, from: staging)
            try system.end()
        }

        /// As a container runtime does it with a directory of the host.
        @Test func aBindMountOfADirectoryOfTheHostRevealsNoVolume() async throws {
            let system = try await SystemVolume()
            let (host, bind) = (system.linked.host, system.linked.path("bind"))
            try await host.makeDirectory(bind)
            try Command.run("mkdir", "\(system.place)/directory")
            try Command.run("mount", "--bind", "\(system.place)/directory", bind)
            try Command.run("mkdir", "\(bind)/below")
            await expectError(.denied, "running system") { try await host.volume(mountedAt: bind) }
            await expectError(.denied, "running system") { try await host.volume(closestTo: bind) }
            await expectError(.denied, "running system") { try await host.volume(closestTo: "\(bind)/below") }
            try Command.run("umount", bind)
            try system.end()
        }

        /// The disk that this test runs from.
        @Test(.disabled(if: Machine.isHere, "the virtual machine's root is on no disk"))
        func aDirectoryOnTheHostsOwnDiskRevealsNoVolume() async throws {
            let linked = try LinkedHost()
            let bind = linked.path("bind")
            try await linked.host.makeDirectory(bind)
            try Command.run("mount", "--bind", "/etc", bind)
            for path in [bind, "\(bind)/ssl"] {
                let error = await #expect(throws: StorageError.self) { try await linked.host.volume(closestTo: path) }
                #expect([.denied, .failedPrecondition].contains(error?.code))
            }
            let error = await #expect(throws: StorageError.self) { try await linked.host.volume(mountedAt: bind) }
            #expect([.denied, .failedPrecondition].contains(error?.code))
            try Command.run("umount", bind)
        }

        /// A system that runs from an image is on the disk that holds the image.
        @Test func theDiskBelowTheImageOfASystemIsTheSystems() async throws {
            let outer = try await MountedVolume(.ext4, on: LoopDisk(size: 256 << 20))
            let image = "\(outer.place)/image"
            try Command.run("truncate", "--size", "64M", image)
            try Command.run("mkfs.ext4", "-q", image)
            let loop = try Command.run("losetup", "--find", "--show", image)
            try FileManager.default.createDirectory(atPath: "/srv", withIntermediateDirectories: true)
            try Command.run("mount", loop, "/srv")
            await expectError(.denied, "running system") {
                try await outer.linked.host.partitionDisk(outer.disk.number)
            }
            try Command.run("umount", "/srv")
            try Command.run("losetup", "--detach", loop)
            try await outer.linked.host.partitionDisk(outer.disk.number)
            try await outer.unmount()
        }

        /// The directories that callers name, and this host's own state, are not to be lost or shown either.
        @Test(arguments: ["kubelet", "state"])
        func theDiskOfTheRootsOrTheStateIsRefused(_ directory: String) async throws {
            let disk = try LoopDisk(size: 64 << 20)
            let maker = try LinkedHost()
            let volume = try await maker.formattedVolumes(on: [disk])[0]
            let staging = maker.path("staging")
            try await maker.host.makeDirectory(staging)
            try await maker.host.mountVolume(volume, at: staging)

            let linked = try LinkedHost(roots: ["kubelet", "mounts"])
            let (host, on) = (linked.host, "\(linked.scratch.path)/\(directory)")
            try await host.partitionDisk(disk.number)
            try Command.run("mkdir", "--parents", on)
            try Command.run("mount", "--bind", staging, on)
            let place = "\(linked.scratch.path)/mounts/other"
            try await host.makeDirectory(place)
            await expectError(.denied, "running system") { try await host.mountVolume(volume, at: place) }
            await expectError(.denied, "running system") { try await host.partitionDisk(disk.number) }
            await expectError(.denied, "running system") { try await host.setDiskState(disk.number, to: .offline) }
            await expectError(.denied, "running system") { try await host.resizeVolume(volume, to: .maximum) }
            await expectError(.denied, "running system") { try await host.formatVolume(volume) }
            try Command.run("umount", on)
            try await host.mountVolume(volume, at: place)
            try await host.unmountVolume(volume, from: place)
            try await maker.host.unmountVolume(volume, from: staging)
        }
    }
}
