// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// Filesystems grow with all capabilities and a kernel that knows the partition: mounted and not.
    @Suite struct OnlineGrowthTests {
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs], [true, false])
        func growsAndKeepsItsData(_ kind: FilesystemKind, mounted: Bool) async throws {
            let disks = try ScsiDisks(mebibytes: 512)
            let disk = try disks.add()
            try Command.run("sh", "-c", "printf 'label: gpt\\nsize=320M\\n' | sfdisk -q \(disk.device)")
            let linked = try LinkedHost(kind)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try #require(try await host.volumes(on: disk.number, partition: nil).first)
            try await host.formatVolume(volume)
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            let data = Data((0..<(4 << 20)).map { UInt8(truncatingIfNeeded: $0 / 4096) })
            try data.write(to: URL(filePath: "\(place)/data"))
            if !mounted { try await host.unmountVolume(volume, from: place) }

            let wanted: Int64 = 384 << 20
            try await host.resizeVolume(volume, to: .bytes(wanted))
            let grown = try Kernel.read("\(disk.sysfs)/\(disk.name)1/size")
            #expect(try #require(Int64(grown)) * 512 == wanted)
            let stats = try await host.volumeStats(volume)
            #expect(stats.totalBytes > wanted - 17 << 20 && stats.totalBytes <= wanted)

            try await host.resizeVolume(volume, to: .bytes(wanted))
            #expect(try Kernel.read("\(disk.sysfs)/\(disk.name)1/size") == grown)

            try await host.resizeVolume(volume, to: .maximum)
            try await host.resizeVolume(volume, to: .maximum)
            #expect(try await host.volumeStats(volume).totalBytes > 494 << 20)
            #expect(try await host.volumes(on: disk.number, partition: nil) == [volume])

            if !mounted { try await host.mountVolume(volume, at: place) }
            #expect(try Data(contentsOf: URL(filePath: "\(place)/data")) == data)
            // The new room can be used.
            try Command.run("dd", "if=/dev/zero", "of=\(place)/more", "bs=1M", "count=350")
            try await host.unmountVolume(volume, from: place)
            #expect(try Command.run("sfdisk", "--verify", disk.device).contains("No errors detected"))
            switch kind {
            case .ext4: try Command.run("e2fsck", "-f", "-n", disk.partition())
            case .xfs: try Command.run("xfs_repair", "-n", disk.partition())
            default: try Command.run("btrfs", "check", "--readonly", disk.partition())
            }
        }

        /// The disk itself has grown, so the table's copy moves to the new end before the partition does.
        @Test func growsMountedWithItsDisk() async throws {
            try await RealDiskTests.ResizeTests().grows(.ext4, mounted: true)
        }

        /// And by the kernel, to where it has to lay out its descriptors anew.
        @Test(arguments: [12, 100] as [Int64]) func aSmallExt4GrowsMountedToAnySize(mebibytes: Int64) async throws {
            try await RealDiskTests.ResizeTests().smallExt4Grows(
                mebibytes: mebibytes, to: [200 << 30, 1500 << 30], mounted: true)
        }

        /// The kernel's transactions for it would be larger than its journal allows. Nothing has been written then.
        @Test func anExt4WhoseJournalIsTooSmallIsRefusedMountedAndGrowsUnmounted() async throws {
            let disks = try ScsiDisks(mebibytes: 384)
            let disk = try disks.add()
            let linked = try LinkedHost()
            let (host, place) = (linked.host, linked.path("staging"))
            try Command.run("sh", "-c", "printf 'label: gpt\nsize=100M\n' | sfdisk -q \(disk.device)")
            let volume = try #require(try await host.volumes(on: disk.number, partition: nil).first)
            _ = try await host.isVolumeFormatted(volume)
            try Command.run("mkfs.ext4", "-q", "-b", "4096", "-E", "resize=\((2 << 40) / 4096)", disk.partition())
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            let before = try Command.run("sfdisk", "--dump", disk.device)
            await expectError(.failedPrecondition, "journal") { try await host.resizeVolume(volume, to: .maximum) }
            #expect(try Command.run("sfdisk", "--dump", disk.device) == before)
            // To the end of its last group it takes no other.
            try await host.resizeVolume(volume, to: .bytes(120 << 20))
            try await host.unmountVolume(volume, from: place)
            try await host.resizeVolume(volume, to: .maximum)
            #expect(try await host.volumeStats(volume).totalBytes > 370 << 20)
        }

        /// The kernel grows it where it is mounted, which need not be here.
        @Test func anExt4ThatIsMountedInAnotherNamespaceGrowsThere() async throws {
            try await RealDiskTests.S1InUseAnywhereTests()
                .anExt4ThatIsMountedInAnotherNamespaceIsGrownOrRefusedAsAWhole()
        }

        /// An earlier call grew the partition and was ended before it grew the filesystem.
        @Test(arguments: [true, false]) func aFilesystemThatIsBehindItsPartitionCatchesUp(mounted: Bool) async throws {
            let disks = try ScsiDisks(mebibytes: 384)
            let disk = try disks.add()
            let linked = try LinkedHost()
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk.number)
            try Command.run("mkfs.ext4", "-q", disk.partition(), "128M")
            try await host.makeDirectory(place)
            if mounted { try await host.mountVolume(volume, at: place) }
            try await host.resizeVolume(volume, to: .maximum)
            #expect(try await host.volumeStats(volume).totalBytes > 380 << 20)
            if mounted { try await host.unmountVolume(volume, from: place) }
        }
    }
}
