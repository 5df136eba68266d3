// SPDX-License-Identifier: Apache-2.0

import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S3: a record of work permits only the removal of the work's own remains, and only where it was cut off.
    @Suite struct S3RecordTests {
        private static let size: Int64 = 400 << 20
        static let kinds = [FilesystemKind.ext4, .xfs, .btrfs]
        private static let uuid = "01234567-89ab-4def-8123-456789abcdef"

        // MARK: - Formats that have ended

        @Test(arguments: kinds) func aFinishedFormatIsNoLeaveForAnother(_ kind: FilesystemKind) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(kind)
            let volume = try #require(try await linked.formattedVolumes(on: [disk]).first)
            // Repeated at once, it finds its work done.
            try await linked.host.formatVolume(volume)
            try Self.noise(over: disk)
            try await Self.expectRefused(disk, linked, volume)
        }

        /// Whether or not a call has found it before its first superblock is lost.
        @Test(arguments: kinds, [false, true])
        func aFilesystemThatWasUsedIsNotFormattedAgain(_ kind: FilesystemKind, isSeen: Bool) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(kind)
            let volume = try #require(try await linked.formattedVolumes(on: [disk]).first)
            try Self.use(disk, linked)
            if isSeen { try await Self.expectRefused(disk, linked, volume) }
            try RawDevice(disk.partition()).write([UInt8](repeating: 0, count: 128 << 10), at: 0)
            try await Self.expectRefused(disk, linked, volume)
        }

        /// Without a mount, which would leave its mark.
        @Test func aFilesystemThatAToolHasWrittenToIsNotFormattedAgain() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try #require(try await linked.formattedVolumes(on: [disk]).first)
            let file = "\(linked.scratch.path)/precious"
            try "precious".write(toFile: file, atomically: false, encoding: .utf8)
            try Command.run("debugfs", "-w", "-R", "write \(file) data", disk.partition())
            try await Self.expectRefused(disk, linked, volume)
        }

        /// The tool ends with an error, and its writes cannot be undone.
        @Test(arguments: kinds) func aFormatThatFailedIsNoLeaveForAnother(_ kind: FilesystemKind) async throws {
            let file = try FaultyFile(size: Self.size)
            let disk = try file.attach()
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            var faults = FaultyFile.Faults()
            faults.writeErrors = [[1 << 20, Self.size]]
            try file.order(faults)
            await #expect(throws: StorageError.self) { try await linked.host.formatVolume(volume) }
            try file.order(.none)
            #expect(try linked.host.backend.journal.intent(.format, volume.guid) == nil)
            try Self.noise(over: disk)
            try await Self.expectRefused(disk, linked, volume)
        }

        /// Its writes can be undone, so that the next call finds a blank volume.
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs, .ntfs, .exfat])
        func aFormatThatFailedLeavesTheVolumeBlankWhereItCan(_ kind: FilesystemKind) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            do {
                let tool = try StandInProgram(
                    "/usr/sbin/mkfs.\(kind.rawValue)",
                    #""$program" "$@"; for device; do :; done; head -c 1024 /dev/zero >"$device"; exit 1"#)
                tool.goOn()
                await #expect(throws: StorageError.self) { try await linked.host.formatVolume(volume) }
            }
            try await linked.host.formatVolume(volume)
            #expect(try await linked.host.isVolumeFormatted(volume))
        }

        /// A process that takes no lock was faster than the tool, which has refused.
        @Test func aFormatThatFailedLeavesContentOfOtherPrograms() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            do {
                let tool = try StandInProgram(
                    "/usr/sbin/mkfs.xfs", #"for device; do :; done; mkfs.ext4 -q -F "$device"; exit 1"#)
                tool.goOn()
                await expectError(.failedPrecondition, "mkfs.xfs failed") {
                    try await linked.host.formatVolume(volume)
                }
            }
            #expect(try Command.run("blkid", "-p", "-o", "value", "-s", "TYPE", disk.partition()) == "ext4")
            try await Self.expectRefused(disk, linked, volume)
        }

        // MARK: - Formats that were cut off

        /// In this boot of the machine, and after another.
        @Test(arguments: kinds, [false, true])
        func aFormatThatWasCutOffIsNoLeaveForWhatIsNotIts(_ kind: FilesystemKind, restarted: Bool) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            try await Self.note(kind, volume, linked, restarted: restarted)
            try Self.noise(over: disk)
            try await Self.expectRefused(disk, linked, volume)
        }

        /// Structures of a new ext4 that carry neither its UUID nor a checksum over it, as blocks of 4 KiB; and the
        /// change that turns each into a user's data.
        private static let forms: [(name: String, form: [Int: [UInt8]], data: [Int: [UInt8]])] = [
            ("directory", [0: [2, 0, 0, 0, 12, 0, 1, 2, 0x2E, 0, 0, 0, 2, 0, 0, 0, 0xF4, 15, 2, 2, 0x2E, 0x2E]], text),
            ("journal", [0: newJournal], text),
            ("journal that was used", [0: newJournal], [0x1C: [0, 0, 0, 1]]),
            ("orphan file", [4088: [0x04, 0xCA, 0x10, 0x0B]], text),
            ("extents", [0: [0x0A, 0xF3, 1, 0, 84, 1]], text),
            ("numbers of blocks", [0: [6, 0, 0, 0, 8, 0, 0, 0]], [8: [4]]),
            ("bitmap", [0: [0xFF, 0xFF, 0xFF]], [8: [UInt8](repeating: 0x55, count: 16)]),
            ("nothing", [:], text),
        ]
        private static let text = [2000: Array("precious".utf8)]
        /// The superblock of one whose first transaction has the number 1 and has not begun.
        private static let newJournal: [UInt8] =
            [0xC0, 0x3B, 0x39, 0x98, 0, 0, 0, 4] + [UInt8](repeating: 0, count: 19) + [1]

        @Test func whatOnlyBeginsLikeAPartOfAnExt4IsNotItsRemains() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            let open = try OpenVolume.opened(try await linked.host.backend.index.locate(volume))
            let device = try RawDevice(disk.partition())
            func areRemains(_ parts: [Int: [UInt8]]) throws -> Bool {
                var page = [UInt8](repeating: 0, count: 4096)
                for (place, bytes) in parts { page.replaceSubrange(place..<(place + bytes.count), with: bytes) }
                try device.write(page, at: 1 << 20)
                return try FormatRemains(of: .ext4, Self.uuid, on: open).areOwn
            }
            for (name, form, data) in Self.forms {
                #expect(try areRemains(form), "\(name)")
                #expect(try !areRemains(form.merging(data) { first, _ in first }), "\(name)")
            }
        }

        /// Structures with the form alone prove little on a disk that has been elsewhere.
        @Test func whatHasTheFormAloneCountsAsLongAsTheDiskIsAttached() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            for restarted in [true, false] {
                try await Self.note(.ext4, volume, linked, restarted: restarted)
                try RawDevice(disk.partition()).write(Self.newJournal, at: 1 << 20)
                if restarted { try await Self.expectRefused(disk, linked, volume) }
            }
            try await linked.host.formatVolume(volume)
        }

        /// It was whole, and has been used since.
        @Test(arguments: kinds) func aFilesystemThatWasUsedAfterACutOffIsItsUsers(_ kind: FilesystemKind) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            try await Self.note(kind, volume, linked, restarted: true)
            try Self.make(kind, disk)
            try Self.use(disk, linked)
            try await Self.expectRefused(disk, linked, volume)
        }

        /// It was never mounted, and its superblock says that it was not closed.
        @Test func aFilesystemOfAnotherUUIDIsNotTakenForAFormatThatWasCutOff() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try await Self.note(.ext4, volume, linked, restarted: true)
            try Command.run("mkfs.ext4", "-q", "-b", "4096", disk.partition())
            try Command.run("debugfs", "-w", "-R", "set_super_value state 0", disk.partition())
            try await Self.expectRefused(disk, linked, volume)
        }

        /// The process was cut off, its tool was not. The remains of later writes have the UUID too.
        @Test(arguments: kinds)
        func aCutOffFormatIsNoLeaveForWhatIsLeftOfAUsedFilesystem(_ kind: FilesystemKind) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(kind)
            let volume = try await linked.volume(on: disk)
            try await Self.note(kind, volume, linked, restarted: false)
            try Self.make(kind, disk)
            // No file has blocks of its own: all writes are in the filesystem's structures, which have the UUID.
            let files = "for n in $(seq 1000); do head -c 1500 /dev/urandom >$1/$n; done"
            try Self.use(disk, linked, writing: kind == .btrfs ? files : "touch $1/.")
            let device = try RawDevice(disk.partition())
            // The first superblock; of btrfs then the second, which is the last.
            for place in kind == .btrfs ? [64 << 10, 64 << 20] : [0] as [Int64] {
                try device.write([UInt8](repeating: 0, count: 4096), at: place)
                try Command.run("blockdev", "--flushbufs", disk.device)
                try await Self.expectRefused(disk, linked, volume)
            }
        }

        /// A power failure: some of the tool's writes have reached the disk, with or without its superblock.
        @Test(arguments: kinds, [false, true])
        func whatAPowerFailureHasLeftOfAFormatIsFormattedAgain(_ kind: FilesystemKind, withHead: Bool) async throws {
            let disk = try LoopDisk(size: Self.size)
            var formatted = 0
            for seed in 1...6 {
                let linked = try LinkedHost(kind)
                try disk.reset(to: Self.size)
                let volume = try await linked.volume(on: disk)
                try await Self.note(kind, volume, linked, restarted: true)
                try Self.make(kind, disk)
                try Self.lose(disk, seed: seed, head: !withHead, pages: kind == .btrfs ? 4 : 1)
                let open = try OpenVolume.opened(try await linked.host.backend.index.locate(volume))
                if !withHead, try !FormatRemains(of: kind, Self.uuid, on: open).carryUUID {
                    // Nothing that is left proves its origin: unproven content stays.
                    let before = try disk.digest()
                    await expectError(.failedPrecondition) { try await linked.host.formatVolume(volume) }
                    #expect(try disk.digest() == before)
                    continue
                }
                formatted += 1
                try await linked.host.formatVolume(volume)
                try await linked.host.formatVolume(volume)
                let place = linked.path("staging")
                try await linked.host.makeDirectory(place)
                try await linked.host.mountVolume(volume, at: place)
                try await linked.host.unmountVolume(volume, from: place)
            }
            #expect(formatted >= 3)
        }

        /// It was whole, another program used it, and its log wants to be replayed. That is no fault.
        @Test func anXFSThatOnlyWantsItsLogReplayedIsNeitherFormattedNorDamaged() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            try await Self.note(.xfs, volume, linked, restarted: true)
            try Self.make(.xfs, disk)
            try Self.use(disk, linked, end: "xfs_io -x -c shutdown $1")
            #expect(try await linked.host.isVolumeFormatted(volume))
            try await Self.expectRefused(disk, linked, volume)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            #expect(FileManager.default.fileExists(atPath: "\(place)/data"))
            try await linked.host.unmountVolume(volume, from: place)
        }

        // MARK: - Partitionings

        /// The protective MBR has reached the disk, and parts of the rest.
        @Test(arguments: [[512], [512, -512], [1024, -512], [512, 1024, -512, -16896]] as [[Int64]])
        func whatAPowerFailureHasLeftOfAPartitioningIsPartitionedAgain(_ lost: [Int64]) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            _ = try await linked.volume(on: disk)
            try Self.notePartitioning(of: disk, linked)
            let device = try RawDevice(disk.device)
            for place in lost {
                try device.write([UInt8](repeating: 0, count: 512), at: place < 0 ? device.size + place : place)
            }
            try await linked.host.partitionDisk(try disk.number)
            #expect(try await linked.host.volumes(on: try disk.number, partition: nil).count == 1)
            #expect(try Command.run("sfdisk", "--verify", disk.device).contains("No errors detected"))
        }

        @Test(arguments: [0, 512, 1024, 2048, 100 << 10] as [Int64])
        func aPartitioningThatWasCutOffIsNoLeaveForWhatIsNotIts(_ place: Int64) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            _ = try await linked.volume(on: disk)
            try Self.notePartitioning(of: disk, linked)
            let device = try RawDevice(disk.device)
            for header in [512, device.size - 512] { try device.write([UInt8](repeating: 0, count: 512), at: header) }
            try device.write(Array("precious".utf8), at: place)
            let before = try disk.digest()
            await expectError(.failedPrecondition) { try await linked.host.partitionDisk(try disk.number) }
            #expect(try disk.digest() == before)
        }

        @Test func aPartitioningThatFailedIsNoLeaveForAnother() async throws {
            let file = try FaultyFile(size: Self.size)
            let disk = try file.attach()
            let linked = try LinkedHost()
            var faults = FaultyFile.Faults()
            faults.writeErrors = [[0, 1 << 20]]
            try file.order(faults)
            await #expect(throws: StorageError.self) { try await linked.host.partitionDisk(try disk.number) }
            try file.order(.none)
            #expect(linked.host.backend.journal.all().isEmpty)
            try RawDevice(disk.device).write(Array("precious".utf8), at: 4096)
            let before = try disk.digest()
            await expectError(.failedPrecondition) { try await linked.host.partitionDisk(try disk.number) }
            #expect(try disk.digest() == before)
        }

        // MARK: - Steps of the tests

        private static func expectRefused(_ disk: LoopDisk, _ linked: LinkedHost, _ volume: VolumeID) async throws {
            let before = try disk.digest()
            for _ in 0..<2 {
                await expectError(.failedPrecondition) { try await linked.host.formatVolume(volume) }
            }
            // Nor does a restart of the process change that.
            let again = try LinkedHost(.ext4, restarting: linked)
            await again.host.backend.recover()
            await expectError(.failedPrecondition) { try await again.host.formatVolume(volume) }
            #expect(try disk.digest() == before)
        }

        private static func noise(over disk: LoopDisk) throws {
            try Command.run("dd", "if=/dev/urandom", "of=\(disk.partition())", "bs=1M", "count=8", "conv=fsync")
        }

        /// Another program mounts it and writes a file.
        private static func use(
            _ disk: LoopDisk, _ linked: LinkedHost, writing: String = "echo precious >$1/data", end: String = "true"
        ) throws {
            let script = "mkdir -p $1; mount $0 $1; \(writing); sync --file-system $1; \(end); umount $1"
            try Command.run("sh", "-ec", script, disk.partition(), "\(linked.scratch.path)/elsewhere")
        }

        private static func make(_ kind: FilesystemKind, _ disk: LoopDisk) throws {
            let options =
                switch kind {
                case .xfs: "-K -m uuid=\(uuid)"
                case .btrfs: "-K -U \(uuid)"
                default: "-m 0 -b 4096 -U \(uuid) -E nodiscard,lazy_itable_init=1"
                }
            try Command.run("sh", "-ec", "mkfs.\(kind.rawValue) -q \(options) $0", disk.partition())
        }

        /// The record that a process has left which was cut off in the midst.
        private static func note(
            _ kind: FilesystemKind, _ volume: VolumeID, _ linked: LinkedHost, restarted: Bool
        ) async throws {
            let backend = linked.host.backend
            let node = try await backend.index.locate(volume).disk
            let journal = backend.journal
            try journal.record(
                Intent(
                    work: .format, target: volume.guid, disk: restarted ? DiskNumber(1) : node.number,
                    names: node.features.names, boot: restarted ? "another" : journal.boot, filesystem: kind,
                    uuid: uuid))
        }

        private static func notePartitioning(of disk: LoopDisk, _ linked: LinkedHost) throws {
            let ids = try Command.run("blkid", "-p", "-o", "value", "-s", "PTUUID", disk.device)
            let partition = try Command.run("sfdisk", "--part-uuid", disk.device, "1")
            _ = try Command.run("partx", "--delete", disk.device)
            let node = try linked.host.backend.inventory.disk(try disk.number)
            try linked.host.backend.journal.record(
                Intent(
                    work: .partition, target: "1", disk: DiskNumber(1), names: node.features.names, boot: "another",
                    uuid: ids, partition: partition))
        }

        /// Takes away every other of the written pages, by chance.
        private static func lose(_ disk: LoopDisk, seed: Int, head: Bool, pages: Int) throws {
            let script = """
                import os, random, sys
                chance = random.Random(int(sys.argv[2]))
                device = os.open(sys.argv[1], os.O_RDWR)
                size = os.lseek(device, 0, os.SEEK_END)
                length = 4096 * int(sys.argv[4])
                offset = 0
                while offset < size:
                    data = os.pread(device, 1 << 20, offset)
                    if any(data):
                        for place in range(0, len(data), length):
                            is_head = offset + place in (0, 65536)
                            lost = sys.argv[3] == "true" if is_head else chance.random() < 0.5
                            piece = data[place:place + length]
                            if lost and any(piece): os.pwrite(device, bytes(len(piece)), offset + place)
                    offset += len(data)
                os.fsync(device)
                """
            try Command.run("python3", "-c", script, disk.partition(), "\(seed)", "\(head)", "\(pages)")
            try Command.run("blockdev", "--flushbufs", disk.device)
        }
    }
}
