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
            // The storage gets a second unit. The kernel gets no event.
            try disks.set("max_luns", "2")
            #expect(try await linked.host.diskIdentifiers().keys == before.keys)

            try await linked.host.rescanDisks()
            let new = Set(try await linked.host.diskIdentifiers().keys).subtracting(before.keys)
            #expect(new == [try disks.disk(at: "\(host):0:0:1").number])
        }

        /// The driver probes a new disk asynchronously.
        @Test func aRescanFindsADiskThatAnswersSlowly() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            let before = try await linked.host.diskLocations()
            try disk.remove()
            // In jiffies, for every command.
            try disks.set("delay", "10")
            try await linked.host.rescanDisks()
            #expect(try await linked.host.diskLocations().count == before.count)
        }

        @Test func aUnitThatBecomesNoDiskIsAwaitedOnce() throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let address = try disk.address
            try Kernel.write(address, to: "/sys/bus/scsi/drivers/sd/unbind")
            let awaited = PendingDisks()
            #expect(try awaited.wait(for: .milliseconds(100)) == [address])
            #expect(try awaited.wait(for: .seconds(3600)).isEmpty)
            // From now on it is as good as any again.
            try Kernel.write(address, to: "/sys/bus/scsi/drivers/sd/bind")
            #expect(try awaited.wait(for: .seconds(60)).isEmpty)
            try Kernel.write(address, to: "/sys/bus/scsi/drivers/sd/unbind")
            #expect(try awaited.wait(for: .milliseconds(100)) == [address])
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

            // The same disk at the same place, under the same name of the kernel: it was away, so it may be another.
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

        @Test func anotherDiskUnderTheSameNameIsLeftAlone() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk.number)
            try disk.remove()
            let other = try disks.add()
            try #require(other.name == disk.name)
            let before = try other.digest()
            await expectError(.notFound) { try await linked.host.formatVolume(volume) }
            await expectError(.notFound) { try await linked.host.partitionDisk(disk.number) }
            #expect(try other.digest() == before)
        }

        /// The swap comes when the volume has been looked up already, and the other disk is indistinguishable.
        @Test func aCopyThatTakesTheDisksPlaceAtTheLastMomentIsLeftAlone() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk.number)
            let found = try await linked.host.backend.index.locate(volume)
            let image = "\(linked.scratch.path)/image"
            try Command.run("dd", "if=\(disk.device)", "of=\(image)", "bs=1M")
            try disk.remove()
            let copy = try disks.add()
            try #require(copy.name == disk.name)
            try Command.run("dd", "if=\(image)", "of=\(copy.device)", "bs=1M", "conv=fsync")
            try Command.run("blockdev", "--rereadpt", copy.device)
            expectError(.notFound, "another disk has come in its place") { try OpenDisk(found.disk, O_RDWR) }
            expectError(.notFound, "another disk has come in its place") { try OpenVolume(found, .exclusive) }
        }

        /// A storage system can put another unit behind a disk that the kernel goes on to show as the same.
        @Test func aDiskThatNamesItselfAnewIsLeftAlone() async throws {
            let disks = try ScsiDisks()
            let (first, disk, blank) = (try disks.add(), try disks.add(), try disks.add())
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk.number)
            let before = (try disk.digest(), try blank.digest())
            // What is kept of the disks is as new as can be: a rescan raises no event.
            let names = try #require(try await linked.host.diskIdentifiers()[disk.number])
            #expect(try await linked.host.diskIdentifiers()[disk.number] == names)
            // The driver makes the names of a disk from its adapter's number, or, from here on, does not.
            try disks.set("vpd_use_hostno", "0")
            for disk in [disk, blank] { try Kernel.write("1", to: "\(disk.sysfs)/device/rescan") }
            #expect(try ScsiDisk(disk.name).number == disk.number)
            #expect(try #require(try await linked.host.diskIdentifiers()[disk.number]) != names)
            await expectError(.failedPrecondition, "names itself differently") {
                try await linked.host.formatVolume(volume)
            }
            await expectError(.failedPrecondition, "names itself differently") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
            await expectError(.failedPrecondition, "names itself differently") {
                try await linked.host.partitionDisk(blank.number)
            }
            #expect(try (disk.digest(), blank.digest()) == before)
            // They took the names that this one has had all along.
            await expectError(.failedPrecondition, "name themselves alike") {
                try await linked.host.partitionDisk(first.number)
            }
        }

        @Test func aDiskThatTheKernelHasTakenOutOfUseIsOfflineAndComesBack() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            #expect(try await linked.host.diskState(disk.number) == .online)
            try Kernel.write("offline\n", to: "\(disk.sysfs)/device/state")
            #expect(try await linked.host.diskState(disk.number) == .offline)
            await expectError(.failedPrecondition, "set it online") {
                try await linked.host.partitionDisk(disk.number)
            }
            try await linked.host.setDiskState(disk.number, to: .online)
            #expect(try await linked.host.diskState(disk.number) == .online)
            try await linked.host.partitionDisk(disk.number)
        }
    }
}
