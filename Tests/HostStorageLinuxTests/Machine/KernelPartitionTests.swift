// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// A kernel that parses partition tables, and does so whenever it likes, and this layer agree.
    @Suite struct KernelPartitionTests {
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func theMainJobOfAPlugin(_ kind: FilesystemKind) async throws {
            let disks = try ScsiDisks(mebibytes: 384)
            let disk = try disks.add()
            let linked = try LinkedHost(kind)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk.number)
            try Command.run("blockdev", "--rereadpt", disk.device)
            #expect(try await host.volumes(on: disk.number, partition: nil) == [volume])
            #expect(try await !host.isVolumeFormatted(volume))
            try await host.formatVolume(volume)
            #expect(try await host.isVolumeFormatted(volume))
            #expect(try await host.volumes(on: disk.number, partition: PartitionNumber(1)) == [volume])

            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            #expect(try await host.volume(mountedAt: place) == volume)
            #expect(try await host.disk(of: volume) == disk.number)
            try Data(repeating: 7, count: 8 << 20).write(to: URL(filePath: "\(place)/data"))
            try await host.flushVolume(volume)
            let stats = try await host.volumeStats(volume)
            #expect(stats.totalBytes > 370 << 20 && stats.totalBytes <= 384 << 20)
            #expect(stats.usedBytes > 8 << 20 && stats.usedBytes < 200 << 20)
            await expectError(.busy) { try await host.setDiskState(disk.number, to: .offline) }
            try await host.unmountVolume(volume, from: place)

            // The kernel forgets everything and reads it again.
            try Command.run("blockdev", "--rereadpt", disk.device)
            try await host.mountVolume(volume, at: place)
            #expect(try Data(contentsOf: URL(filePath: "\(place)/data")) == Data(repeating: 7, count: 8 << 20))
            try await host.unmountVolume(volume, from: place)
            try await host.setDiskState(disk.number, to: .offline)
        }

        /// Another program's table, with sectors of 4 KiB as well.
        @Test(arguments: [512, 4096]) func volumesAreThePartitionsOfTheKernel(_ sectorSize: Int) async throws {
            let disks = try ScsiDisks(sectorSize: sectorSize)
            let disk = try disks.add()
            try Command.run("sh", "-c", "printf 'label: gpt\\nsize=20M\\nsize=10M\\n' | sfdisk -q \(disk.device)")
            let linked = try LinkedHost()
            let volumes = try await linked.host.volumes(on: disk.number, partition: nil)
            #expect(volumes.count == 2)
            for (index, volume) in volumes.enumerated() {
                try await linked.host.formatVolume(volume)
                let type = try Command.run(
                    "blkid", "-p", "-o", "value", "-s", "TYPE", disk.partition(index + 1))
                #expect(type == "ext4")
            }
        }
    }
}
