// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// S1: a disk that cannot be read everywhere is neither partitioned nor formatted, and nothing is written.
    @Suite struct S1UnreadableTests {
        /// Places that have to be read, in bytes from the start, or from the end where negative.
        static let places = [
            0, 4096, 1 << 20, 2 << 20 - 512,  // the head
            8193 << 10, 16384 << 11, 64 << 20, 32768 << 12,  // copies of superblocks of ext and btrfs
            -(1 << 20), -4096, -512,  // the tail
        ]

        @Test func aDiskWithABadSectorIsNotPartitioned() async throws {
            let disks = try ScsiDisks(mebibytes: 160)
            let disk = try disks.add()
            let linked = try LinkedHost()
            let before = try disk.digest()
            for place in Self.places {
                let sector = (place < 0 ? disk.size + place : place) / 512
                try await disks.withReadErrors(at: sector) {
                    await expectError(.failedPrecondition, "cannot be read") {
                        try await linked.host.partitionDisk(disk.number)
                    }
                }
            }
            #expect(try disk.digest() == before)
            try await linked.host.partitionDisk(disk.number)
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func aVolumeWithABadSectorIsNotFormatted(_ kind: FilesystemKind) async throws {
            let disks = try ScsiDisks(mebibytes: 384)
            let disk = try disks.add()
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk.number)
            let start = try #require(Int(try Kernel.read("\(disk.sysfs)/\(disk.name)1/start")))
            let size = try #require(Int(try Kernel.read("\(disk.sysfs)/\(disk.name)1/size"))) * 512
            let before = try disk.digest()
            for place in Self.places {
                let sector = start + (place < 0 ? size + place : place) / 512
                try await disks.withReadErrors(at: sector) {
                    await expectError(.failedPrecondition, "cannot be read") {
                        try await linked.host.formatVolume(volume)
                    }
                }
            }
            #expect(try disk.digest() == before)
            try await linked.host.formatVolume(volume)
        }

        /// The same by device-mapper, where the disk is a multipath map: in the head, in the middle, in the tail.
        @Test(arguments: [8, 16386, 131_064]) func aMapWithABadStretchIsNotPartitioned(_ bad: Int) async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let sectors = disk.size / 512
            let before = try disk.digest()
            let map = try MappedDevice(
                "bad", uuid: "mpath-bad",
                table: MappedDevice.linear(0..<sectors, on: disk.device, bad: bad))
            let linked = try LinkedHost()
            await expectError(.failedPrecondition, "cannot be read") {
                try await linked.host.partitionDisk(try map.number)
            }
            #expect(try disk.digest() == before)
        }

        /// The map may be sound where its partition's is not.
        @Test(arguments: [8, 65536, 100_000]) func aVolumeOnAMapWithABadStretchIsNotFormatted(
            _ bad: Int
        ) async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let sectors = disk.size / 512
            let map = try MappedDevice(
                "map", uuid: "mpath-map", table: [MappedDevice.linear(0..<sectors, on: disk.device)])
            let table = "label: gpt\\nstart=2048,size=100008\\n"
            try Command.run("sh", "-c", "printf '\(table)' | sfdisk -q \(map.device)")
            let part = try MappedDevice(
                "part", uuid: "part1-mpath-map",
                table: MappedDevice.linear(0..<100_008, on: map.device, from: 2048, bad: bad))
            let linked = try LinkedHost()
            let volume = try #require(try await linked.host.volumes(on: try map.number, partition: nil).first)
            let before = try disk.digest()
            await expectError(.failedPrecondition, "cannot be read") { try await linked.host.formatVolume(volume) }
            #expect(try disk.digest() == before)
            withExtendedLifetime(part) {}
        }
    }
}
