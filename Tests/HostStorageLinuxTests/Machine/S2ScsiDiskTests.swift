// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// S2: the right disk. SCSI disks name themselves, have an address, come and go.
    @Suite struct S2ScsiDiskTests {
        @Test func diskNamesAreThoseOfTheirProductData() async throws {
            let disks = try ScsiDisks()
            let (first, second) = (try disks.add(), try disks.add())
            let linked = try LinkedHost()
            let all = try await linked.host.diskIdentifiers()
            for (disk, serial) in [(first, "2000"), (second, "4000")] {
                // As the driver makes them: a T10 vendor designator comes first.
                let name = "Linux   scsi_debug      \(serial)"
                #expect(all[disk.number] == DiskIdentifiers(page83: name, serialNumber: serial))
                #expect(try await linked.host.disk(page83: name) == disk.number)
            }
        }

        @Test func locationsAreTheAddressesOfTheKernel() async throws {
            let disks = try ScsiDisks()
            try disks.set("num_tgts", "2")
            try disks.set("max_luns", "2")
            let first = try disks.add()
            let host = try first.address.split(separator: ":")[0]
            let linked = try LinkedHost()
            for address in ["\(host):0:0:0", "\(host):0:0:1", "\(host):0:1:0", "\(host):0:1:1"] {
                let disk = try disks.disk(at: address)
                let parts = address.split(separator: ":").map(String.init)
                #expect(
                    try await linked.host.diskLocations()[disk.number]
                        == DiskLocation(adapter: parts[0], bus: parts[1], target: parts[2], lun: parts[3]))
            }
            let loop = try LoopDisk()
            #expect(try await linked.host.diskLocations()[try loop.number] == nil)
            #expect(try await linked.host.diskIdentifiers()[try loop.number] != nil)
        }

        @Test func aRescanFindsADiskThatWasAdded() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let host = try disk.address.split(separator: ":")[0]
            let linked = try LinkedHost()
            let before = try await linked.host.diskIdentifiers()
            // The storage gets a second unit. Nobody tells the kernel.
            try disks.set("max_luns", "2")
            #expect(try await linked.host.diskIdentifiers().keys == before.keys)

            try await linked.host.rescanDisks()
            let new = Set(try await linked.host.diskIdentifiers().keys).subtracting(before.keys)
            #expect(new == [try disks.disk(at: "\(host):0:0:1").number])
        }

        @Test func aRescanFindsThatADiskHasGrown() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            try disks.set("virtual_gb", "2")
            #expect(try await linked.host.diskSize(disk.number) == 64 << 20)
            try await linked.host.rescanDisks()
            #expect(try await linked.host.diskSize(disk.number) == 2 << 30)
        }

        @Test func aNumberNeverReturnsForAnotherDisk() async throws {
            let disks = try ScsiDisks()
            let (gone, other) = (try disks.add(), try disks.add())
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: gone.number)
            let location = try #require(try await linked.host.diskLocations()[gone.number])
            try gone.remove()
            await expectError(.notFound) { try await linked.host.diskSize(gone.number) }
            await expectError(.notFound) { try await linked.host.partitionDisk(gone.number) }
            await expectError(.notFound) { try await linked.host.isVolumeFormatted(volume) }
            #expect(try await linked.host.diskIdentifiers().keys.contains(other.number))
            #expect(try await !linked.host.diskIdentifiers().keys.contains(gone.number))

            // The same disk at the same place, under the same name of the kernel: it was away, so who knows.
            try await linked.host.rescanDisks()
            let back = try disks.disk(
                at: [location.adapter, location.bus, location.target, location.lun].joined(
                    separator: ":"))
            #expect(back.name == gone.name && back.number != gone.number && back.number != other.number)
            await expectError(.notFound) { try await linked.host.diskSize(gone.number) }
            await expectError(.notFound) { try await linked.host.partitionDisk(gone.number) }
            // Its volume is on it, and is still the same.
            #expect(try await linked.host.disk(of: volume) == back.number)
            try await linked.host.formatVolume(volume)
        }

        @Test func aDiskThatTheKernelHasTakenOutOfUseIsOfflineAndComesBack() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            #expect(try await linked.host.diskState(disk.number) == .online)
            try Kernel.write("offline", to: "\(disk.sysfs)/device/state")
            #expect(try await linked.host.diskState(disk.number) == .offline)
            await expectError(.failedPrecondition) { try await linked.host.partitionDisk(disk.number) }
            try await linked.host.setDiskState(disk.number, to: .online)
            #expect(try await linked.host.diskState(disk.number) == .online)
            try await linked.host.partitionDisk(disk.number)
        }
    }
}
