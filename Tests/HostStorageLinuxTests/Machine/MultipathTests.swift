// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// A multipath map is a disk, and its paths are none. Its UUID makes a map one of multipath: where paths do not
    /// matter, it is linear here.
    @Suite struct MultipathTests {
        @Test func theMapIsTheDisk() async throws {
            let disks = try ScsiDisks()
            let (path, other) = (try disks.add(), try disks.add())
            let sectors = path.size / 512
            let linked = try LinkedHost()
            let map = try MappedDevice(
                "map", uuid: "mpath-3333333330000007d0", table: [MappedDevice.linear(0..<sectors, on: path.device)])
            let logical = try MappedDevice(
                "logical", uuid: "LVM-logical", table: [MappedDevice.linear(0..<sectors, on: other.device)])
            let numbers = Set(try await linked.host.diskIdentifiers().keys)
            #expect(numbers.isSuperset(of: [try map.number, other.number]))
            #expect(numbers.isDisjoint(with: [path.number, try logical.number]))
            // It has the names and the place of its path.
            let names = try DiskNode(ofDevice: path.name)?.identifiers()
            #expect(try await linked.host.diskIdentifiers()[try map.number] == names)
            #expect(names?.page83.isEmpty == false)
            let place = try #require(try await linked.host.diskLocations()[try map.number])
            #expect([place.adapter, place.bus, place.target, place.lun].joined(separator: ":") == (try path.address))
            await expectError(.notFound) { try await linked.host.partitionDisk(path.number) }
            // Held by a logical volume: a disk still, but one that is in use.
            await expectError(.busy) { try await linked.host.partitionDisk(other.number) }
        }

        @Test func aVolumeOnAMapIsFormattedMountedAndNamedAfterThePartitionTable() async throws {
            let disks = try ScsiDisks(shareMemory: true)
            // Every path names itself as the others do.
            try disks.set("vpd_use_hostno", "0")
            let paths = [try disks.add(), try disks.add()]
            let sectors = paths[0].size / 512
            let uuid = "mpath-3333333330000007d0"
            let linked = try LinkedHost()
            let (host, place) = (linked.host, linked.path("staging"))
            let map = try MappedDevice(
                "map", uuid: uuid, table: [MappedDevice.multipath(0..<sectors, over: paths.map(\.device))])
            #expect(Set(try await host.diskIdentifiers().keys).isDisjoint(with: paths.map(\.number)))
            // A map with no partition yet is not in use.
            try await host.setDiskState(try map.number, to: .offline)
            try await host.setDiskState(try map.number, to: .online)
            // kpartx makes the device of the partition, once the table is there.
            await expectError(.failedPrecondition, "kpartx") { try await host.partitionDisk(try map.number) }
            let volume = try #require(try await host.volumes(on: try map.number, partition: nil).first)
            await expectError(.failedPrecondition, "kpartx") { try await host.formatVolume(volume) }
            let part = try MappedDevice(
                "map-part1", uuid: "part1-\(uuid)",
                table: [MappedDevice.linear(0..<(sectors - 4096), on: map.device, from: 2048)])
            try await host.partitionDisk(try map.number)
            // Its own partition's map does not make it one in use.
            try await host.setDiskState(try map.number, to: .offline)
            try await host.setDiskState(try map.number, to: .online)
            try await host.formatVolume(volume)
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            #expect(try await host.volume(mountedAt: place) == volume)
            #expect(try await host.disk(of: volume) == map.number)
            await expectError(.busy) { try await host.setDiskState(try map.number, to: .offline) }

            // One path goes, and everything goes on.
            try paths[0].remove()
            try Data(repeating: 7, count: 4 << 20).write(to: URL(filePath: "\(place)/data"))
            try await host.flushVolume(volume)
            try await host.unmountVolume(volume, from: place)
            try await host.mountVolume(volume, at: place)
            #expect(try Data(contentsOf: URL(filePath: "\(place)/data")) == Data(repeating: 7, count: 4 << 20))
            #expect(try await host.volume(mountedAt: place) == volume)
            try await host.unmountVolume(volume, from: place)
            withExtendedLifetime(part) {}
        }

        @Test func twoPathsThatNothingJoinsAreNamed() async throws {
            let disks = try ScsiDisks(shareMemory: true)
            try disks.set("vpd_use_hostno", "0")
            let paths = [try disks.add(), try disks.add()]
            let linked = try LinkedHost()
            let names = paths.map(\.device).sorted().joined(separator: " and ")
            await expectError(.failedPrecondition, "\(names) name themselves alike") {
                try await linked.host.partitionDisk(paths[0].number)
            }
            let map = try MappedDevice(
                "map", uuid: "mpath-3333333330000007d0",
                table: [MappedDevice.multipath(0..<(paths[0].size / 512), over: [paths[0].device])])
            // A path that was left out of the map is still the same disk.
            let left = [map.device, paths[1].device].sorted().joined(separator: " and ")
            await expectError(.failedPrecondition, "\(left) name themselves alike") {
                try await linked.host.partitionDisk(try map.number)
            }
        }
    }
}
