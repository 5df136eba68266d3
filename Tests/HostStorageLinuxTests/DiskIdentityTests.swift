// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S2: operations change the intended disk alone.
    @Suite struct S2IdentityTests {
        @Test func anotherFileAtTheSameDeviceIsAnotherDisk() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost()
            let (number, node) = (try disk.number, try linked.host.backend.inventory.disk(try disk.number))
            let other = "\(linked.scratch.path)/other"
            try Command.run("truncate", "--size", "1G", other)
            try Command.run("losetup", "--detach", disk.device)
            try Command.run("losetup", disk.device, other)
            let before = try Command.run("cksum", other)

            // The number is stale; and so is a description of the disk that was taken before.
            await expectError(.notFound) { try await linked.host.partitionDisk(number) }
            #expect(throws: StorageError.self) { try OpenDisk(node, O_RDWR) }
            #expect(try Command.run("cksum", other) == before)
        }

        /// As sysfs has the first disk of an old RAID controller of HP.
        @Test func aNameWithASlashIsThatOfANodeInADirectory() {
            let device = VolumeDevice(name: "cciss!c0d0p1", device: DeviceNumber(major: 104, minor: 1), size: 0)
            #expect(device.path == "/dev/cciss/c0d0p1")
            #expect(Confinement.path(of: device) == "/dev/c0d0p1")
        }

        @Test func partitionsLeftOverInTheKernelAreReplaced() async throws {
            let disk = try LoopDisk()
            try Command.run("addpart", disk.device, "1", "4096", "8192")
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            #expect(try Command.run("cat", "/sys/block/\(disk.name)/\(disk.name)p1/start") == "2048")
        }

        @Test func aDiskThatDoesNotAnswerIsLeftOutAlone() async throws {
            let (good, bad) = (try LoopDisk(), try LoopDisk())
            try Command.run("mount", "--bind", "/dev/null", bad.device)
            defer { _ = try? Command.run("umount", bad.device) }
            let identifiers = try await LinkedHost().host.diskIdentifiers()
            #expect(identifiers.keys.contains(try good.number))
            #expect(!identifiers.keys.contains(try bad.number))
        }

        @Test func memoryAndEmptyLoopDevicesAreNoDisks() throws {
            let names = try DiskInventory().disks().map(\.name)
            #expect(!names.contains { $0.hasPrefix("ram") || $0.hasPrefix("zram") })
            let disk = try LoopDisk()
            #expect(try DiskInventory().disks().contains { $0.name == disk.name })
            try Command.run("losetup", "--detach", disk.device)
            #expect(try !DiskInventory().disks().contains { $0.name == disk.name })
        }
    }
}
