// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    @Suite struct ResizeTests {
        @Test(arguments: [FilesystemKind.xfs, .btrfs], [true, false])
        func growsMountedAndUnmounted(_ kind: FilesystemKind, mounted: Bool) async throws {
            try await grows(kind, mounted: mounted)
        }

        @Test(arguments: [FilesystemKind.ext4, .ntfs]) func growsUnmounted(_ kind: FilesystemKind) async throws {
            try await grows(kind, mounted: false)
        }

        func grows(_ kind: FilesystemKind, mounted: Bool) async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(kind)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            try "kept".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            if !mounted { try await host.unmountVolume(volume, from: place) }

            try disk.grow(to: 3 << 30)
            #expect(try await host.diskSize(try disk.number) == 1 << 30)
            try await host.rescanDisks()
            #expect(try await host.diskSize(try disk.number) == 3 << 30)

            try await host.resizeVolume(volume, to: .bytes(3 << 29))
            try await host.resizeVolume(volume, to: .bytes(3 << 29 + 1 << 20))  // little growth is growth
            try await host.resizeVolume(volume, to: .bytes(1 << 20))
            if !mounted { try await host.mountVolume(volume, at: place) }
            let stats = try await host.volumeStats(volume)
            #expect(stats.totalBytes > 3 << 29 - 20 << 20 && stats.totalBytes <= 3 << 29 + 1 << 20)
            await expectError(.outOfRange) { try await host.resizeVolume(volume, to: .bytes(4 << 30)) }
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")

            if !mounted { try await host.unmountVolume(volume, from: place) }
            try await host.resizeVolume(volume, to: .maximum)
            try await host.resizeVolume(volume, to: .maximum)
            if mounted { try await host.unmountVolume(volume, from: place) }
            #expect(try Command.run("sfdisk", "--verify", disk.device).contains("No errors detected"))
            let backup = try Command.run("sh", "-c", "tail --bytes=512 \(disk.device) | head --bytes=8")
            #expect(backup == "EFI PART")
            let size = try #require(Int64(try Command.run("blockdev", "--getsize64", disk.partition())))
            #expect(size > 3 << 30 - 3 << 20)
        }

        @Test func aMountedExt4WithoutTheCapabilityIsRefusedBeforeAnythingChanges() async throws {
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
            let capabilities = try #require(UInt64(line.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16))
            let disk = try LoopDisk()
            let linked = try LinkedHost(.ext4)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            try disk.grow(to: 2 << 30)
            try await host.rescanDisks()
            let before = try Command.run("sfdisk", "--dump", disk.device)
            try await host.resizeVolume(volume, to: .bytes(1 << 20))  // nothing to do, so nothing to refuse
            if capabilities & 1 << 24 == 0 {
                await expectError(.failedPrecondition, "CAP_SYS_RESOURCE") {
                    try await host.resizeVolume(volume, to: .maximum)
                }
                #expect(try Command.run("sfdisk", "--dump", disk.device) == before)
            } else {
                try await host.resizeVolume(volume, to: .maximum)
                #expect(try await host.volumeStats(volume).totalBytes > 2000 << 20)
            }
            try await host.unmountVolume(volume, from: place)
        }
    }
}
