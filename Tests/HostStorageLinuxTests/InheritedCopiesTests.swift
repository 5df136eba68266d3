// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// A claim or lock is free when its owner has ended, though another thread is just starting a program.
    @Suite struct InheritedCopiesTests {
        @Test func aClaimEndsWithItsOwner() throws {
            let disk = try LoopDisk(size: 8 << 20)
            let device = try Self.wholeDevice(disk)
            var claim: Descriptor? = try Descriptor.claim(device, O_RDONLY)
            let child = try ForkedChild(milliseconds: 200)
            // Ended here and no earlier.
            if claim != nil { claim = nil }
            _ = try Descriptor.claim(device, O_RDONLY)
            withExtendedLifetime((disk, child)) {}
        }

        @Test func aLockEndsWithItsOwner() throws {
            let disk = try LoopDisk(size: 8 << 20)
            var open: OpenDisk? = try OpenDisk(Self.node(disk))
            try open?.lock()
            let child = try ForkedChild(milliseconds: 60_000)
            #expect(throws: CommandFailed.self) { try Command.run("flock", "--nonblock", disk.device, "true") }
            open = nil
            try Command.run("flock", "--nonblock", disk.device, "true")
            withExtendedLifetime((disk, child)) {}
        }

        @Test func whatAChildHasCopiesOfIsNotItsUse() throws {
            let disk = try LoopDisk(size: 8 << 20)
            let device = try Self.wholeDevice(disk)
            let open = try Descriptor(opening: device.path, O_RDONLY)
            let child = try ForkedChild(milliseconds: 60_000)
            #expect(Holders.ofDevice(device).isEmpty)
            let other = try HoldingProcess(#"exec 3<"$0"; exec cat"#, device.path)
            #expect(Holders.ofDevice(device) == [.process(id: other.id, name: "cat", use: "open device")])
            withExtendedLifetime((open.raw, child, other)) {}
        }

        private static func node(_ disk: LoopDisk) throws -> DiskNode {
            try #require(try DiskInventory().disks().first { $0.name == disk.name })
        }

        private static func wholeDevice(_ disk: LoopDisk) throws -> VolumeDevice {
            try OpenDisk(node(disk)).wholeDevice
        }
    }
}
