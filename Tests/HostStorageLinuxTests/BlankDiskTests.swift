// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S1: nothing is partitioned or formatted that is not provably blank.
    @Suite struct S1BlankTests {
        /// What may be on a disk that libblkid or a careless tool takes for blank, or that is none of ours.
        struct Content: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let found: String
            let write: @Sendable (LoopDisk) throws -> Void
        }

        static let contents = [
            Content(testDescription: "ext4", found: "ext4") { try Command.run("mkfs.ext4", "-q", $0.device) },
            Content(testDescription: "xfs", found: "xfs") { try Command.run("mkfs.xfs", "-q", $0.device) },
            Content(testDescription: "swap", found: "swap") { try Command.run("mkswap", $0.device) },
            Content(testDescription: "LUKS", found: "crypto_LUKS") { disk in
                let speed = "--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
                try Command.run("sh", "-c", "printf secret | cryptsetup luksFormat -q \(speed) \(disk.device) -")
            },
            Content(testDescription: "LVM", found: "LVM2_member") { try Command.run("pvcreate", "-q", $0.device) },
            Content(testDescription: "random bytes", found: "offset 0") { disk in
                try disk.write((0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7 + 1) }, at: 0)
            },
            Content(testDescription: "one byte in the tail", found: "offset 1073741823") { disk in
                try disk.write([1], at: 1 << 30 - 1)
            },
            Content(testDescription: "a copy of an ext4 superblock alone", found: "offset 134217784") { disk in
                try disk.write([0x53, 0xEF], at: 32768 << 12 + 56)
            },
        ]

        @Test(arguments: contents) func aDiskThatIsNotBlankIsNotPartitioned(_ content: Content) async throws {
            let disk = try LoopDisk()
            try content.write(disk)
            let before = try disk.digest()
            let linked = try LinkedHost()
            await expectError(.failedPrecondition, content.found) {
                try await linked.host.partitionDisk(try disk.number)
            }
            #expect(try disk.digest() == before)
        }

        @Test func aVolumeThatIsNotBlankIsNotFormatted() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try Command.run(
                "dd", "if=/dev/urandom", "of=\(disk.partition())", "bs=4k", "count=1", "seek=300", "conv=fsync")
            let before = try disk.digest()
            #expect(try await !linked.host.isVolumeFormatted(volume), "random bytes are no format")
            await expectError(.failedPrecondition, "unknown data at offset 1228800") {
                try await linked.host.formatVolume(volume)
            }
            #expect(try disk.digest() == before)
        }

        /// The case in which a peer's `blkid` says "nothing" and `mkfs.xfs -f` then formats.
        @Test func aVolumeThatCannotBeReadIsNotFormatted() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            // The tail of the disk is gone while the device stays: reads there fail.
            try disk.grow(to: 512 << 20)
            await expectError(.failedPrecondition, "cannot be read") { try await linked.host.formatVolume(volume) }
        }

        @Test func aVolumeInUseElsewhereIsNotFormatted() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            _ = try await linked.host.isVolumeFormatted(volume)
            let claim = open(disk.partition(), O_RDONLY | O_EXCL)
            #expect(claim >= 0)
            defer { close(claim) }
            await expectError(.busy) { try await linked.host.formatVolume(volume) }
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs, .ntfs, .exfat])
        func everyFilesystemIsMadeOnceMountedAndKeepsItsData(_ kind: FilesystemKind) async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            #expect(try Command.run("blkid", "-p", "-o", "value", "-s", "TYPE", disk.partition()) == kind.rawValue)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            for text in ["first", "second"] {
                try await linked.host.mountVolume(volume, at: place)
                #expect(try await linked.host.volume(mountedAt: place) == volume)
                let stats = try await linked.host.volumeStats(volume)
                #expect(stats.totalBytes > 1000 << 20 && stats.totalBytes <= 1 << 30 && stats.usedBytes > 0)
                try text.write(toFile: "\(place)/\(text)", atomically: false, encoding: .utf8)
                try await linked.host.flushVolume(volume)
                #expect(try String(contentsOfFile: "\(place)/first", encoding: .utf8) == "first")
                try await linked.host.unmountVolume(volume, from: place)
                #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
                await expectError(.failedPrecondition, kind.rawValue) { try await linked.host.formatVolume(volume) }
            }
        }
    }
}

/// Everything that attaches disks runs one after the other: tests would see each other's.
@Suite(.realDisks, .serialized, .inTurn) struct RealDiskTests {}
