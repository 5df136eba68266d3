// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S1: a disk that is write-protected is named as such, by every call that would write to it.
    @Suite struct S1ReadOnlyDiskTests {
        private func refused(_ work: () async throws -> Void) async {
            await expectError(.failedPrecondition, "the disk is read-only", performing: work)
        }

        @Test func aReadOnlyDiskIsNotPartitioned() async throws {
            let disk = try LoopDisk(size: 64 << 20)
            try Command.run("blockdev", "--setro", disk.device)
            let linked = try LinkedHost()
            let number = try disk.number
            #expect(try await linked.host.isDiskReadOnly(number))
            await refused { try await linked.host.partitionDisk(number) }
        }

        /// The whole disk, or its partition alone.
        @Test(arguments: FilesystemKind.allCases, [true, false])
        func aReadOnlyVolumeIsNotFormattedMountedOrGrown(_ kind: FilesystemKind, isWhole: Bool) async throws {
            let disk = try LoopDisk(size: 512 << 20)
            let linked = try LinkedHost(kind)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk)
            let device = isWhole ? disk.device : disk.partition()
            try await host.makeDirectory(place)

            try Command.run("blockdev", "--setro", device)
            await refused { try await host.formatVolume(volume) }
            #expect(try await !host.isVolumeFormatted(volume))
            try Command.run("blockdev", "--setrw", device)
            try await host.formatVolume(volume)

            try disk.grow(to: 1 << 30)
            try await host.rescanDisks()
            let before = try Command.run("sfdisk", "--dump", disk.device)
            try Command.run("blockdev", "--setro", device)
            await refused { try await host.mountVolume(volume, at: place) }
            await refused { try await host.resizeVolume(volume, to: .maximum) }
            #expect(try Command.run("sfdisk", "--dump", disk.device) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
            #expect(try await host.isVolumeFormatted(volume))
            try Command.run("blockdev", "--setrw", device)
        }
    }
}
