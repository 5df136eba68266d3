// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import Glibc
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S3: a partition table that has changed without the kernel's partitions, by a call of ours that was cut off or by
    /// another program, keeps no volume from being queried, unmounted and grown.
    @Suite struct S3TableAheadOfKernelTests {
        /// Changes the table, and not the kernel's partitions.
        private func write(_ script: String, to disk: LoopDisk, _ options: String = "") throws {
            try Command.run(
                "sh", "-c",
                "printf '\(script)' | sfdisk -q --no-reread --no-tell-kernel --force \(options) \(disk.device)")
        }

        private func mounted(
            _ kind: FilesystemKind
        ) async throws -> (linked: LinkedHost, disk: LoopDisk, volume: VolumeID, place: String) {
            let disk = try LoopDisk(size: 512 << 20)
            let linked = try LinkedHost(kind)
            let place = linked.path("staging")
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try "kept".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            return (linked, disk, volume, place)
        }

        private func kernelSize(_ disk: LoopDisk) throws -> Int64 {
            try #require(Int64(try Command.run("blockdev", "--getsize64", disk.partition())))
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs, .ntfs], [true, false])
        func aPartitionThatHasGrownInTheTableAloneGrowsInTheKernelWhileItIsMounted(
            _ kind: FilesystemKind, restarted: Bool
        ) async throws {
            var (linked, disk, volume, place) = try await mounted(kind)
            try disk.grow(to: 1 << 30)
            try await linked.host.rescanDisks()
            try Command.run("sfdisk", "-q", "--relocate", "gpt-bak-std", disk.device)
            try write("size=900M\\n", to: disk, "-N 1")
            #expect(try kernelSize(disk) < 512 << 20)
            if restarted { linked = try LinkedHost(kind, restarting: linked) }
            let host = linked.host

            #expect(try await host.isVolumeFormatted(volume))
            _ = try await host.volumeStats(volume)
            try await host.flushVolume(volume)
            #expect(try await host.volume(mountedAt: place) == volume)
            // Its driver in user space opens a device once.
            if kind != .ntfs {
                let other = linked.path("other")
                try await host.makeDirectory(other)
                try await host.mountVolume(volume, at: other)
                try await host.unmountVolume(volume, from: other)
            }
            if kind == .xfs || kind == .btrfs {
                try await host.resizeVolume(volume, to: .bytes(900 << 20))
                #expect(try await host.volumeStats(volume).totalBytes > 880 << 20)
            }
            #expect(try kernelSize(disk) == 900 << 20)
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")
            try await host.unmountVolume(volume, from: place)
            try await host.resizeVolume(volume, to: .maximum)
            #expect(try kernelSize(disk) > 1022 << 20)
        }

        /// Where it begins is part of a volume's ID, so the table now has another volume.
        @Test func aPartitionThatBeginsElsewhereInTheTableIsUnmountedWhereItIsMounted() async throws {
            let (linked, disk, volume, place) = try await mounted(.ext4)
            let host = linked.host
            let size = try kernelSize(disk)
            let uuid = try Command.run("sfdisk", "--part-uuid", disk.device, "1")
            try write("label: gpt\\nstart=8192, size=100M, uuid=\(uuid)\\n", to: disk)

            await expectError(.notFound) { try await host.resizeVolume(volume, to: .maximum) }
            await expectError(.notFound) { try await host.formatVolume(volume) }
            let moved = try #require(try await host.volumes(on: try disk.number, partition: nil).first)
            #expect(moved != volume)
            await expectError(.failedPrecondition) { try await host.formatVolume(moved) }
            #expect(try kernelSize(disk) == size)
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")
            try await host.unmountVolume(volume, from: place)
            // Now the kernel gets the change.
            _ = try await host.isVolumeFormatted(moved)
            #expect(try kernelSize(disk) == 100 << 20)
        }

        /// The table's volume is not the mounted one: the mount can go, and nothing else is done.
        @Test func aPartitionThatIsSmallerInTheTableIsAskedAndUnmountedWhereItIsMounted() async throws {
            let (linked, disk, volume, place) = try await mounted(.ext4)
            let host = linked.host
            let size = try kernelSize(disk)
            let uuid = try Command.run("sfdisk", "--part-uuid", disk.device, "1")
            try write("label: gpt\\nstart=2048, size=100M, uuid=\(uuid)\\n", to: disk)

            _ = try await host.volumeStats(volume)
            try await host.flushVolume(volume)
            let other = linked.path("other")
            try await host.makeDirectory(other)
            await expectError(.failedPrecondition, "the partition table has", "a mount at") {
                try await host.mountVolume(volume, at: other)
            }
            await expectError(.failedPrecondition, "the partition table has") {
                try await host.resizeVolume(volume, to: .maximum)
            }
            await expectError(.failedPrecondition, "the partition table has") { try await host.formatVolume(volume) }
            #expect(try kernelSize(disk) == size)
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")
            try await host.unmountVolume(volume, from: place)
            // Now the kernel gets the change.
            _ = try? await host.resizeVolume(volume, to: .bytes(1))
            #expect(try kernelSize(disk) == 100 << 20)
        }

        /// The start of a partition identifies it. Other programs renumber tables.
        @Test func partitionsWhoseNumbersTheKernelHasOtherwiseAreNotTakenForEachOther() async throws {
            let disk = try LoopDisk(size: 512 << 20)
            try Command.run("sh", "-c", "printf 'label: gpt\\nsize=200M\\nsize=200M\\n' | sfdisk -q \(disk.device)")
            let linked = try LinkedHost()
            let (host, place) = (linked.host, linked.path("staging"))
            let volumes = try await host.volumes(on: try disk.number, partition: nil)
            try #require(volumes.count == 2)
            for volume in volumes { _ = try await host.isVolumeFormatted(volume) }
            try await host.formatVolume(volumes[0])
            try await host.makeDirectory(place)
            try await host.mountVolume(volumes[0], at: place)
            let lines = try Command.run("sfdisk", "--dump", disk.device).split(separator: "\n").map(String.init)
            let partitions = lines.indices.filter { lines[$0].hasPrefix("/dev/") }
            try #require(partitions.count == 2)
            var swapped = lines
            for (index, other) in zip(partitions, partitions.reversed()) {
                let (name, rest) = (lines[index].split(separator: ":")[0], lines[other].split(separator: ":")[1])
                swapped[index] = "\(name):\(rest)"
            }
            try swapped.joined(separator: "\n").write(
                toFile: "\(linked.scratch.path)/table", atomically: false, encoding: .utf8)
            try Command.run(
                "sh", "-c",
                "sfdisk -q --no-reread --no-tell-kernel --force \(disk.device) < \(linked.scratch.path)/table")

            #expect(try await host.volume(mountedAt: place) == volumes[0])
            #expect(try await host.isVolumeFormatted(volumes[0]))
            #expect(try await !host.isVolumeFormatted(volumes[1]))
            await expectError(.failedPrecondition) { try await host.unmountVolume(volumes[1], from: place) }
            try await host.mountVolume(volumes[0], at: place)
            try await host.unmountVolume(volumes[0], from: place)
        }

        @Test func aPartitionThatEndsBeyondItsDiskIsNamed() async throws {
            let disk = try LoopDisk(size: 64 << 20)
            try Command.run("sh", "-c", "printf 'label: dos\\nsize=60M\\n' | sfdisk -q \(disk.device)")
            guard truncate(disk.file, 32 << 20) == 0 else { throw CommandFailed("truncate") }
            try Command.run("losetup", "--set-capacity", disk.device)
            let host = try LinkedHost().host
            let volume = try #require(try await host.volumes(on: try disk.number, partition: nil).first)
            await expectError(.failedPrecondition, "ends at") { _ = try await host.isVolumeFormatted(volume) }
            await expectError(.failedPrecondition, "ends at") { try await host.formatVolume(volume) }
        }

        /// A neighbour that is no longer in the table would be in the way, and goes where it is unused.
        @Test func aNeighbourThatIsGoneFromTheTableMakesRoomInTheKernel() async throws {
            let disk = try LoopDisk(size: 1 << 30)
            try Command.run("sh", "-c", "printf 'label: gpt\\nsize=400M\\nsize=400M\\n' | sfdisk -q \(disk.device)")
            let linked = try LinkedHost(.xfs)
            let (host, place) = (linked.host, linked.path("staging"))
            let volumes = try await host.volumes(on: try disk.number, partition: nil)
            try #require(volumes.count == 2)
            for volume in volumes { _ = try await host.isVolumeFormatted(volume) }
            try await host.formatVolume(volumes[0])
            try await host.makeDirectory(place)
            try await host.mountVolume(volumes[0], at: place)
            try Command.run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", "--force", "--delete", disk.device, "2")

            let holder = try HoldingProcess(#"exec 3<"$0"; exec cat"#, disk.partition(2))
            let before = try Command.run("sfdisk", "--dump", disk.device)
            await expectError(.busy) { try await host.resizeVolume(volumes[0], to: .maximum) }
            #expect(try Command.run("sfdisk", "--dump", disk.device) == before)
            holder.end()
            try await host.resizeVolume(volumes[0], to: .maximum)
            #expect(try kernelSize(disk) > 1000 << 20)
            #expect(try await host.volumeStats(volumes[0]).totalBytes > 990 << 20)
            try await host.unmountVolume(volumes[0], from: place)
        }
    }
}
