// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S1: a partition table is believed only where it is all that a disk carries.
    @Suite struct S1TablesTests {
        private static let size: Int64 = 1 << 30

        /// No call changes the disk, and every refusal has these words.
        private static func expectLeftAlone(_ disk: LoopDisk, _ words: String...) async throws {
            let before = try disk.digest()
            let linked = try LinkedHost(.xfs)
            let number = try disk.number
            for attempt in 0..<2 {
                let error = await #expect(throws: StorageError.self, "attempt \(attempt)") {
                    try await linked.host.partitionDisk(number)
                    for volume in try await linked.host.volumes(on: number, partition: nil) {
                        try await linked.host.formatVolume(volume)
                    }
                }
                #expect(error?.code == .failedPrecondition)
                for word in words { #expect("\(String(describing: error))".contains(word), "\(error as Any)") }
                for volume in (try? await linked.host.volumes(on: number, partition: nil)) ?? [] {
                    await #expect(throws: StorageError.self) { try await linked.host.formatVolume(volume) }
                }
            }
            #expect(try disk.digest() == before)
        }

        @Test func anAtariTableIsNamedAndRefused() async throws {
            let disk = try LoopDisk(size: Self.size)
            let device = try RawDevice(disk.device)
            // Where an Atari's root sector has the size of the disk, and its first partition.
            let sectors = UInt32(Self.size / 512)
            try device.write(big(sectors) + [1] + Array("GEM".utf8) + big(8192) + big(sectors / 2), at: 0x1C2)
            try device.write(Array("records of a user".utf8), at: 500 << 20)
            try await Self.expectLeftAlone(disk, "table of type atari")
        }

        @Test(arguments: ["sun", "sgi"]) func aTableOfAnotherKindIsNamedAndRefused(_ kind: String) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("echo , | sfdisk -q --no-reread --no-tell-kernel --label \(kind) $0", disk)
            try await Self.expectLeftAlone(disk, "table of type \(kind)")
        }

        // MARK: - A table over a filesystem

        static let filesystems = ["mkfs.ext4 -q", "mkfs.btrfs -q", "mkfs.xfs -q", "mkfs.ext4 -q -O sparse_super2"]

        /// Its partition lies in the room that the filesystem has not used yet, and reads as zeros.
        @Test(arguments: filesystems, ["dos", "gpt"])
        func aTableOverAFilesystemDoesNotMakeRoomOfIt(_ tool: String, label: String) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("\(tool) $0", disk)
            try Self.run(
                "echo 1000000,100000 | sfdisk -q --wipe never --no-reread --no-tell-kernel --label \(label) $0", disk)
            try await Self.expectLeftAlone(disk, label)
            guard label == "dos" else { return }
            // A GPT has checksums that identify it; here the disk's volumes are ambiguous.
            let linked = try LinkedHost()
            await expectError(.failedPrecondition, "more than one", label) {
                try await linked.host.volumes(on: try disk.number, partition: nil)
            }
        }

        /// The table has taken the first superblock; the copies are among the partitions.
        @Test(arguments: filesystems, ["dos", "gpt"])
        func aTableOverAFilesystemThatHasLostItsHeadDoesNotMakeRoomOfIt(_ tool: String, label: String) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("\(tool) $0", disk)
            try RawDevice(disk.device).write([UInt8](repeating: 0, count: 1 << 20), at: 0)
            try Self.run(
                "echo 1000000,100000 | sfdisk -q --wipe never --no-reread --no-tell-kernel --label \(label) $0", disk)
            try await Self.expectLeftAlone(disk, label, "copy of the superblock")
        }

        /// The remains of each filesystem far from the head of a disk, or, where nothing but the first sector was
        /// written over, close to it: a tool that makes it and the place, or the bytes themselves.
        private static let pieces: [(type: String, tool: String, place: Int64, bytes: [UInt8])] = [
            ("ext", "mkfs.ext4 -q", 128 << 20, []), ("xfs", "mkfs.xfs -q", 512 << 20, []),
            ("xfs", "mkfs.xfs -q", 512, []), ("btrfs", "mkfs.btrfs -q", 64 << 20, []),
            ("ntfs", "mkfs.ntfs -q -Q -F", 2 << 30 - 512, []), ("exfat", "mkfs.exfat", 6144, []),
            ("crypto_LUKS", "", 16384, Array("SKUL".utf8) + [0xBA, 0xBE] + [UInt8](repeating: 0, count: 256) + [64]),
            ("ocfs2", "", 1 << 30, Array("OCFSV2".utf8)), ("f2fs", "", 5120, [0x10, 0x20, 0xF5, 0xF2]),
        ]

        @Test func oneCopyIsEnoughToRecogniseTheFilesystemOfAWholeDisk() async throws {
            let disk = try LoopDisk(size: 2 << 30)
            let node = try LinkedHost().host.backend.inventory.disk(try disk.number)
            for (type, tool, place, bytes) in Self.pieces {
                try disk.reset(to: 2 << 30)
                var bytes = bytes
                if !tool.isEmpty {
                    try Self.run("\(tool) $0 >/dev/null", disk)
                    bytes = try Descriptor.opened(disk.device, O_RDONLY).bytes(
                        at: place, count: place % 4096 == 0 ? 4096 : 512, "")
                    try disk.reset(to: 2 << 30)
                }
                #expect(try WholeDiskRemains.find(on: OpenDisk.opened(node)) == nil)
                try RawDevice(disk.device).write(bytes, at: place)
                let found = try WholeDiskRemains.find(on: OpenDisk.opened(node))
                #expect(found?.contains("type \(type) at offset \(place)") == true, "\(type): \(found ?? "nothing")")
            }
        }

        /// Of a btrfs, whose first superblock stands behind a GPT. The table has a partition, or room for one.
        @Test(arguments: ["1000000,100000", "label: gpt"])
        func aTableBesideASuperblockWithoutCopiesDoesNotMakeRoomOfIt(_ partition: String) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("mkfs.btrfs -q $0", disk)
            let superblock = try Descriptor.opened(disk.device, O_RDONLY).bytes(at: 65536, count: 4096, disk.device)
            try disk.reset(to: Self.size)
            try RawDevice(disk.device).write(superblock, at: 65536)
            try Self.run(
                "echo '\(partition)' | sfdisk -q --wipe never --no-reread --no-tell-kernel --label gpt $0", disk)
            try await Self.expectLeftAlone(disk, "gpt", "type btrfs")
        }

        /// Filesystems whose copies are in the disk's head, of which a GPT takes 17 KiB and an MBR one sector.
        @Test(arguments: [
            ("mkfs.vfat -F 32", "dos", "vfat"), ("mkfs.ntfs -q -Q -F", "gpt", "ntfs"), ("mkfs.f2fs -q", "gpt", "f2fs"),
        ])
        func aTableOverTheHeadOfAFilesystemDoesNotMakeRoomOfIt(
            _ tool: String, _ label: String, type: String
        ) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("\(tool) $0", disk)
            try RawDevice(disk.device).write([UInt8](repeating: 0, count: label == "dos" ? 512 : 16384), at: 0)
            try Self.run(
                "echo 1200000,100000 | sfdisk -q --wipe never --no-reread --no-tell-kernel --label \(label) $0", disk)
            let linked = try LinkedHost()
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            let before = try disk.digest()
            await expectError(.failedPrecondition, label, "filesystem of type \(type)") {
                try await linked.host.formatVolume(volume)
            }
            #expect(try disk.digest() == before)
        }

        /// Its entry was deleted from the table, and another made in the middle of it.
        @Test(arguments: ["ext4", "xfs", "btrfs", "ntfs -Q -F"], [63, 2048, 34816])
        func aPartitionWithinAFilesystemThatHasLostItsEntryIsNotFormatted(_ type: String, _ sector: Int) async throws {
            let disk = try LoopDisk(size: Self.size)
            let length = 700 << 20
            let loop = try Command.run(
                "losetup", "--find", "--show", "--offset", "\(sector * 512)", "--sizelimit", "\(length)", disk.file)
            do {
                defer { _ = try? Command.run("losetup", "--detach", loop) }
                try Command.run("sh", "-c", "mkfs.\(type) -q \(loop)")
            }
            try Self.run(
                "echo 1200000,100000 | sfdisk -q --wipe never --no-reread --no-tell-kernel --label gpt $0", disk)
            let linked = try LinkedHost()
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            let before = try disk.digest()
            await expectError(.failedPrecondition) { try await linked.host.formatVolume(volume) }
            #expect(try disk.digest() == before)
        }

        /// The first partition was made smaller, its filesystem was not.
        @Test(arguments: ["mkfs.ext4 -q", "mkfs.btrfs -q", "mkfs.xfs -q"])
        func aPartitionWithinTheFilesystemOfItsNeighbourIsNotFormatted(_ tool: String) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("printf 'size=900M\\n' | sfdisk -q --label gpt $0", disk)
            try Self.run("partx --update $0 && \(tool) $0p1", disk)
            _ = try? Command.run("partx", "--delete", disk.device)
            let table = "size=300M\\nstart=700M,size=100M\\n"
            try Self.run("printf '\(table)' | sfdisk -q --wipe never --no-reread --no-tell-kernel --label gpt $0", disk)
            let linked = try LinkedHost()
            let volumes = try await linked.host.volumes(on: try disk.number, partition: PartitionNumber(2))
            let before = try disk.digest()
            await expectError(.failedPrecondition, "filesystem on partition 1 reaches beyond it") {
                try await linked.host.formatVolume(try #require(volumes.first))
            }
            #expect(try disk.digest() == before)
        }

        @Test func partitionsThatOverlapAreNotFormatted() async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run(
                "printf 'start=2048,size=600000\\nstart=700000,size=600000\\n' | sfdisk -q --label dos $0", disk)
            // The second begins within the first.
            try RawDevice(disk.device).write(little(300_000), at: 446 + 16 + 8)
            _ = try? Command.run("partx", "--delete", disk.device)
            let linked = try LinkedHost()
            let volumes = try await linked.host.volumes(on: try disk.number, partition: nil)
            #expect(volumes.count == 2)
            let before = try disk.digest()
            await expectError(.failedPrecondition, "overlaps") { try await linked.host.formatVolume(volumes[0]) }
            // The kernel knows the first, and no second over it.
            await #expect(throws: StorageError.self) { try await linked.host.formatVolume(volumes[1]) }
            #expect(try disk.digest() == before)
        }

        // MARK: - A filesystem that ends its boot sector as a table does

        @Test(arguments: ["mkfs.exfat", "mkfs.ext4 -q", "mkfs.btrfs -q", "mkfs.ntfs -q -Q -F"])
        func aWholeDiskFilesystemIsAVolume(_ tool: String) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("\(tool) $0", disk)
            try RawDevice(disk.device).write([0x55, 0xAA], at: 510)
            let linked = try LinkedHost()
            let volumes = try await linked.host.volumes(on: try disk.number, partition: nil)
            #expect(volumes.count == 1)
            let volume = try #require(volumes.first)
            #expect(try await linked.host.isVolumeFormatted(volume))
            let before = try disk.digest()
            await expectError(.failedPrecondition, "not blank") { try await linked.host.formatVolume(volume) }
            await expectError(.failedPrecondition) { try await linked.host.partitionDisk(try disk.number) }
            #expect(try disk.digest() == before)
        }

        // MARK: - GPTs

        @Test(arguments: [(512, 4096), (4096, 512)])
        func aDiskOfOtherSectorsIsRefusedByThatName(_ made: Int, _ attached: Int) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.setSectors(made, disk)
            try Self.run("echo , | sfdisk -q --label gpt $0", disk)
            _ = try? Command.run("partx", "--delete", disk.device)
            try Self.setSectors(attached, disk)
            try await Self.expectLeftAlone(disk, "formatted with \(made)-byte sectors")
        }

        @Test(arguments: [(512, 4096), (4096, 512)])
        func anMBROfOtherSectorsIsRefusedByThatName(_ made: Int, _ attached: Int) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.setSectors(made, disk)
            try Self.run("printf 'start=2048,size=20000\\n' | sfdisk -q --label dos $0", disk)
            try Self.run("partx --update $0 && mkfs.ext4 -q -b 4096 $0p1", disk)
            _ = try? Command.run("partx", "--delete", disk.device)
            try Self.setSectors(attached, disk)
            try await Self.expectLeftAlone(disk, "formatted with \(made)-byte sectors")
        }

        @Test func aProtectiveMBRWithoutItsGPTIsRefused() async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("echo , | sfdisk -q --label gpt $0", disk)
            _ = try? Command.run("partx", "--delete", disk.device)
            let device = try RawDevice(disk.device)
            try device.write([UInt8](repeating: 0, count: 512), at: 512)
            try device.write([UInt8](repeating: 0, count: 512), at: Self.size - 512)
            try await Self.expectLeftAlone(disk, "protects a GPT", "lost")
        }

        @Test func aHybridMBRIsRefused() async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("printf 'size=100M\\n' | sfdisk -q --label gpt $0", disk)
            // A second entry of the MBR, in the free space of the GPT.
            try RawDevice(disk.device).write([0, 0, 0, 0, 0x83, 0, 0, 0] + little(1_000_000) + little(9000), at: 462)
            try await Self.expectLeftAlone(disk, "hybrid")
        }

        /// The copy at the end has the disk's table, and the content at the place of the first is left there.
        @Test func aGPTWhoseHeadWasWrittenOverIsFoundAndNotFormatted() async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("printf 'size=100M\\n' | sfdisk -q --label gpt $0", disk)
            try RawDevice(disk.device).write([UInt8](repeating: 7, count: 4096), at: 512)
            let linked = try LinkedHost()
            #expect(try await linked.host.volumes(on: try disk.number, partition: nil).count == 1)
            try await Self.expectLeftAlone(disk, "unknown data at offset 512")
        }

        // MARK: - Growing

        /// At the beginning, in the middle and at the end of the partition's new range.
        @Test(arguments: [600 << 20, 900 << 20, 1 << 30 - 3 << 20] as [Int64])
        func aVolumeDoesNotGrowOverWhatIsNotBlank(_ place: Int64) async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("printf 'size=500M\\n' | sfdisk -q --label gpt $0", disk)
            let linked = try LinkedHost(.xfs)
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            try await linked.host.formatVolume(volume)
            // Longer than samples are apart.
            try RawDevice(disk.device).write([UInt8](repeating: 7, count: 2 << 20), at: place)
            let before = try disk.digest()
            await expectError(.failedPrecondition, "cannot grow", "unknown data at offset") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
            #expect(try disk.digest() == before)
            try RawDevice(disk.device).write([UInt8](repeating: 0, count: 2 << 20), at: place)
            try await linked.host.resizeVolume(volume, to: .maximum)
        }

        /// A copy of a superblock alone, between the places of the sample.
        @Test func aVolumeDoesNotGrowOverACopyOfAnotherFilesystem() async throws {
            let disk = try LoopDisk(size: Self.size)
            try Self.run("printf 'size=500M\\n' | sfdisk -q --label gpt $0", disk)
            let linked = try LinkedHost(.xfs)
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            try await linked.host.formatVolume(volume)
            try RawDevice(disk.device).write([UInt8](repeating: 7, count: 4096), at: 768 << 20)
            await expectError(.failedPrecondition, "unknown data at offset \(768 << 20)") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
        }

        /// It may be the only trace of the disk that was here before.
        @Test func theTableOfAnotherDiskIsInTheWayOfGrowth() async throws {
            // It ends close behind the partition.
            let size: Int64 = 501 << 20 + 512 << 10
            let (disk, other) = (try LoopDisk(size: Self.size), try LoopDisk(size: size))
            for disk in [disk, other] { try Self.run("printf 'size=500M\\n' | sfdisk -q --label gpt $0", disk) }
            let linked = try LinkedHost(.xfs)
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            try await linked.host.formatVolume(volume)
            let copy = size - 33 * 512
            try RawDevice(disk.device).write(
                Descriptor.opened(other.device, O_RDONLY).bytes(at: copy, count: 33 * 512, ""), at: copy)
            await expectError(.failedPrecondition, "unknown data at offset") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
        }

        /// A disk that has grown twice has its own GPT's old copies in the room behind its partition.
        @Test func oldCopiesOfTheDisksOwnTableAreNotInTheWayOfGrowth() async throws {
            let disk = try LoopDisk(size: 512 << 20)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            for size in [1 << 30, 2 << 30] as [Int64] {
                try disk.grow(to: size)
                try await linked.host.rescanDisks()
                // Another tool moves the copy, and grows nothing.
                try Self.run("sfdisk -q --relocate gpt-bak-std $0", disk)
            }
            try await linked.host.resizeVolume(volume, to: .maximum)
            #expect(try await linked.host.volumeStats(volume).totalBytes > 2000 << 20)
        }

        private static func run(_ script: String, _ disk: LoopDisk) throws {
            try Command.run("sh", "-ec", script, disk.device)
        }

        private static func setSectors(_ size: Int, _ disk: LoopDisk) throws {
            try Command.run("losetup", "--sector-size", "\(size)", disk.device)
        }
    }
}

private func big(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - $0 * 8)) } }
private func little(_ number: UInt32) -> [UInt8] { big(number).reversed() }
