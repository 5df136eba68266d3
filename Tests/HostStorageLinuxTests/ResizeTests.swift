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

        // MARK: - Requests

        private func entry(_ disk: LoopDisk, _ number: Int = 1) throws -> (start: Int64, size: Int64) {
            let text = try Command.run(
                "partx", "--noheadings", "--bytes", "-o", "START,SECTORS", "-n", "\(number)", disk.device)
            let figures = text.split(separator: " ").compactMap { Int64($0) }
            return (figures[0] * 512, figures[1] * 512)
        }

        private func table(_ disk: LoopDisk) throws -> String { try Command.run("sfdisk", "--dump", disk.device) }

        /// A new partition has all that a later call could ask for, and so has one that has grown.
        @Test func sizesAreExactToTheSector() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(.xfs)
            let host = linked.host
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            func lastUsable() throws -> Int64 {
                let line = try #require(try table(disk).split(separator: "\n").first { $0.hasPrefix("last-lba") })
                return (try #require(Int64(line.split(separator: " ")[1])) + 1) * 512
            }
            let new = try entry(disk)
            #expect(new.start + new.size == (try lastUsable()))
            try disk.grow(to: 3 << 30)
            try await host.rescanDisks()
            for (asked, given) in [(1_583_874_048, 1_583_874_048), (1_583_874_049, 1_583_874_560)] as [(Int64, Int64)] {
                try await host.resizeVolume(volume, to: .bytes(asked))
                #expect(try entry(disk).size == given)
                #expect(try Command.run("blockdev", "--getsize64", disk.partition()) == "\(given)")
            }
            try await host.resizeVolume(volume, to: .maximum)
            let whole = try entry(disk)
            #expect(whole.start + whole.size == (try lastUsable()))
            #expect((3 << 30) - whole.start - whole.size == 33 * 512)
            try await host.resizeVolume(volume, to: .bytes(3 << 30))
            #expect(try entry(disk) == whole)
        }

        // MARK: - Limits

        /// For every size at its making.
        @Test(arguments: [12, 100, 600] as [Int64])
        func aSmallExt4GrowsToAnySize(mebibytes: Int64) async throws {
            try await smallExt4Grows(mebibytes: mebibytes, to: [1500 << 30, 3 << 40], mounted: false)
        }

        func smallExt4Grows(mebibytes: Int64, to sizes: [Int64], mounted: Bool) async throws {
            let disk = try LoopDisk(size: mebibytes << 20)
            let linked = try LinkedHost(.ext4)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            try "kept".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            if !mounted { try await host.unmountVolume(volume, from: place) }
            #expect(try Command.run("blkid", "-p", "-o", "value", "-s", "BLOCK_SIZE", disk.partition()) == "4096")
            for size in sizes {
                try disk.grow(to: size)
                try await host.rescanDisks()
                try await host.resizeVolume(volume, to: .maximum)
                #expect(try await host.volumeStats(volume).totalBytes > size - 200 << 20)
            }
            if !mounted { try await host.mountVolume(volume, at: place) }
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")
            try await host.unmountVolume(volume, from: place)
        }

        /// A growth that was cut off may have written to its planned part, and nothing else.
        @Test func theRecordOfAGrowthAllowsNothingBeyondIt() async throws {
            let disk = try LoopDisk(size: 1 << 30)
            let linked = try LinkedHost()
            let host = linked.host
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let uuid = try Command.run("blkid", "-p", "-o", "value", "-s", "UUID", disk.partition())
            let journal = try IntentJournal(stateDirectory: "\(linked.scratch.path)/state")
            try disk.grow(to: 4 << 30)
            try await host.rescanDisks()
            func note(_ uuid: String, to size: Int64) throws {
                let node = try host.backend.inventory.disk(try disk.number)
                try journal.record(.resize, volume.guid, on: node, uuid: uuid, size: size)
            }
            func write(at mebibyte: Int) throws {
                try Command.run("dd", "if=/dev/urandom", "of=\(disk.device)", "bs=1M", "count=8", "seek=\(mebibyte)")
            }
            try note(uuid, to: 2 << 30)
            try write(at: 3000)
            let before = try table(disk)
            await expectError(.failedPrecondition, "unknown data") { try await host.resizeVolume(volume, to: .maximum) }
            try Command.run(
                "blkdiscard", "--zeroout", "--offset", "\(2990 << 20)", "--length", "\(30 << 20)", disk.device)
            try write(at: 1500)
            // Of another filesystem it allows nothing.
            try note("00000000-0000-4000-8000-000000000000", to: 4 << 30)
            await expectError(.failedPrecondition, "unknown data") { try await host.resizeVolume(volume, to: .maximum) }
            #expect(try table(disk) == before)
            try note(uuid, to: 2 << 30)
            try await host.resizeVolume(volume, to: .maximum)
            #expect(try journal.intent(.resize, volume.guid) == nil)
        }

        /// A filesystem of a whole disk, and of a partition that another program has grown, by less than a group of blocks.
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs]) func growsByAFewMebibytes(_ kind: FilesystemKind)
            async throws
        {
            let disk = try LoopDisk(size: 512 << 20)
            let linked = try LinkedHost(kind)
            try Command.run("mkfs.\(kind.rawValue)", disk.device)
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            let before = try await linked.host.volumeStats(volume).totalBytes
            try disk.grow(to: 524 << 20)
            try await linked.host.rescanDisks()
            try await linked.host.resizeVolume(volume, to: .maximum)
            #expect(try await linked.host.volumeStats(volume).totalBytes >= before + 11 << 20)
            try await linked.host.resizeVolume(volume, to: .maximum)
        }

        /// Callers need not know the part of a disk that its table takes, and much more than that they do.
        @Test(arguments: ["label: dos\\nsize=1G", "label: gpt\\nstart=3G,size=512M"])
        func lessThanWasAskedForIsNoSuccess(_ script: String) async throws {
            let disk = try LoopDisk(size: script.contains("dos") ? 3 << 40 : 4 << 30)
            try Command.run("sh", "-c", "printf '\(script)\\n' | sfdisk -q \(disk.device)")
            let linked = try LinkedHost()
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            _ = try await linked.host.isVolumeFormatted(volume)
            try await linked.host.formatVolume(volume)
            let before = try table(disk)
            let wanted: Int64 = script.contains("dos") ? 5 << 39 : 7 << 29
            await expectError(.outOfRange) { try await linked.host.resizeVolume(volume, to: .bytes(wanted)) }
            #expect(try table(disk) == before)
        }

        /// resize2fs 1.47.0 leaves the checksum of the orphan file wrong.
        @Test func anExt4WithAnOrphanFileIsMountedAfterItsGrowth() async throws {
            let disk = try LoopDisk(size: 300 << 20)
            let linked = try LinkedHost()
            let host = linked.host
            let volume = try await linked.volume(on: disk)
            _ = try await host.isVolumeFormatted(volume)
            try Command.run("mkfs.ext4", "-q", "-O", "orphan_file", disk.partition())
            try disk.grow(to: 40 << 30)
            try await host.rescanDisks()
            try await host.resizeVolume(volume, to: .maximum)
            try await host.makeDirectory(linked.path("staging"))
            try await host.mountVolume(volume, at: linked.path("staging"))
            try await host.unmountVolume(volume, from: linked.path("staging"))
        }

        /// The kernel's table names the first.
        @Test func aBtrfsOfTwoDisksIsMountedAndUnmountedByEither() async throws {
            let disks = [try LoopDisk(size: 512 << 20), try LoopDisk(size: 512 << 20)]
            let linked = try LinkedHost(.btrfs)
            let (host, place) = (linked.host, linked.path("staging"))
            var volumes: [VolumeID] = []
            for disk in disks {
                volumes.append(try await linked.volume(on: disk))
                _ = try await host.isVolumeFormatted(volumes[volumes.count - 1])
            }
            try Command.run("mkfs.btrfs", "-q", disks[0].partition(), disks[1].partition())
            try Command.run("btrfs", "device", "scan", disks[0].partition(), disks[1].partition())
            try await host.makeDirectory(place)
            for volume in volumes {
                try await host.mountVolume(volume, at: place)
                try await host.mountVolume(volume, at: place)
                try await host.unmountVolume(volume, from: place)
            }
        }

        /// Of filesystems that others have made.
        @Test(
            arguments: [
                (["mkfs.ext4", "-q", "-b", "1024"], 1500 << 30),
                (["mkfs.ext4", "-q", "-b", "1024", "-O", "meta_bg,^resize_inode,^64bit"], 5 << 40),
                // resize2fs would damage it.
                (["mkfs.ext4", "-q", "-b", "4096", "-i", "4096"], 1 << 40),
                (["mkfs.ext4", "-q", "-b", "1024", "-i", "1024", "-O", "meta_bg,^resize_inode"], 5 << 40),
                (["mkfs.ext4", "-q", "-O", "bigalloc"], 1 << 30), (["mkfs.exfat"], 1 << 30), (["mkfs.vfat"], 1 << 30),
            ] as [([String], Int64)])
        func whatCannotGrowSoFarIsRefusedBeforeTheTableIsTouched(_ tool: [String], _ size: Int64) async throws {
            let disk = try LoopDisk(size: 100 << 20)
            let linked = try LinkedHost()
            let host = linked.host
            let volume = try await linked.volume(on: disk)
            _ = try await host.isVolumeFormatted(volume)
            try Command.run(tool + [disk.partition()])
            try disk.grow(to: size)
            try await host.rescanDisks()
            let before = try table(disk)
            for wanted in [.maximum, .bytes(size - 1 << 20)] as [VolumeSize] {
                let isKnown = tool[0].hasPrefix("mkfs.ext") && !tool.contains("bigalloc")
                await expectError(isKnown ? .failedPrecondition : .unsupported, "grow") {
                    try await host.resizeVolume(volume, to: wanted)
                }
                #expect(try table(disk) == before)
            }
            // Growth within its limits succeeds.
            if tool[0].hasPrefix("mkfs.ext"), !tool.contains("bigalloc") {
                try await host.resizeVolume(volume, to: .bytes(20 << 30))
                #expect(try await host.volumeStats(volume).totalBytes > 19 << 30)
            }
        }

        @Test(arguments: [true, false]) func ofABtrfsOnTwoDisksTheDeviceThatWasAskedForGrows(mounted: Bool) async throws
        {
            let disks = [try LoopDisk(size: 512 << 20), try LoopDisk(size: 512 << 20)]
            let linked = try LinkedHost(.btrfs)
            let (host, place) = (linked.host, "\(linked.scratch.path)/both")
            var volumes: [VolumeID] = []
            for disk in disks {
                volumes.append(try await linked.volume(on: disk))
                _ = try await host.isVolumeFormatted(volumes[volumes.count - 1])
            }
            try Command.run("mkfs.btrfs", "-q", disks[0].partition(), disks[1].partition())
            try Command.run("btrfs", "device", "scan", disks[0].partition(), disks[1].partition())
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            if mounted { try Command.run("mount", disks[0].partition(), place) }
            for disk in disks { try disk.grow(to: 1 << 30) }
            try await host.rescanDisks()
            for (number, volume) in volumes.enumerated().reversed() {
                try await host.resizeVolume(volume, to: .maximum)
                if !mounted { try Command.run("mount", disks[0].partition(), place) }
                let sizes = try (1...2).map { device in
                    let lines = try Command.run("btrfs", "filesystem", "show", "--raw", place).split(separator: "\n")
                    let line = try #require(lines.first { $0.contains("devid") && $0.contains(" \(device) size") })
                    let words = line.split(separator: " ")
                    return try #require(Int64(words[words.firstIndex(of: "size")! + 1]))
                }
                #expect(sizes[1] > 1000 << 20 && (sizes[0] > 1000 << 20) == (number == 0), "\(sizes)")
                if !mounted { try Command.run("umount", place) }
            }
            if mounted { try Command.run("umount", place) }
        }

        /// Both together are as large as the one has become.
        @Test func ofABtrfsOnTwoWholeDisksOneThatIsBehindItsDiskGrows() async throws {
            let disks = [try LoopDisk(size: 512 << 20), try LoopDisk(size: 512 << 20)]
            let linked = try LinkedHost(.btrfs)
            let place = "\(linked.scratch.path)/both"
            try Command.run("mkfs.btrfs", "-q", disks[0].device, disks[1].device)
            try Command.run("btrfs", "device", "scan", disks[0].device, disks[1].device)
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try Command.run("mount", disks[0].device, place)
            let volume = try #require(try await linked.host.volumes(on: disks[1].number, partition: nil).first)
            try disks[1].grow(to: 1 << 30)
            try await linked.host.rescanDisks()
            try await linked.host.resizeVolume(volume, to: .maximum)
            let lines = try Command.run("btrfs", "filesystem", "show", "--raw", place).split(separator: "\n")
            #expect(lines.contains { $0.contains(" 2 size \(1 << 30)") }, "\(lines)")
            try Command.run("umount", place)
        }

        @Test func anNTFSGrowsNoFurtherThanItsClustersCount() async throws {
            let disk = try LoopDisk(size: 100 << 20)
            let linked = try LinkedHost(.ntfs)
            let volume = try await linked.volume(on: disk)
            _ = try await linked.host.isVolumeFormatted(volume)
            try Command.run("mkfs.ntfs", "-q", "-Q", "-F", "-c", "512", disk.partition())
            try disk.grow(to: 3 << 40)
            try await linked.host.rescanDisks()
            let before = try table(disk)
            await expectError(.failedPrecondition, "clusters of 512 bytes", "\((1 << 32 - 1) * 512) bytes") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
            #expect(try table(disk) == before)
        }

        /// Up to the next one, and to the end of their box.
        @Test func logicalPartitionsGrowWithinTheirBox() async throws {
            let disk = try LoopDisk()
            let script = [
                "label: dos", "start=2048, size=100M, type=83", "start=262144, size=700M, type=5",
                "start=264192, size=100M, type=83", "start=800000, size=100M, type=83",
            ].joined(separator: "\\n")
            try Command.run("sh", "-c", "printf '\(script)\\n' | sfdisk -q \(disk.device)")
            let linked = try LinkedHost(.ext4)
            let host = linked.host
            let volumes = try await host.volumes(on: try disk.number, partition: nil)
            try #require(volumes.count == 3)
            for volume in volumes { try await host.formatVolume(volume) }
            let before = try table(disk)
            for volume in volumes {
                await expectError(.outOfRange) { try await host.resizeVolume(volume, to: .bytes(900 << 20)) }
            }
            #expect(try table(disk) == before)
            let box = try entry(disk, 2)
            for (number, volume) in zip([1, 5, 6], volumes) {
                let old = try entry(disk, number)
                try await host.resizeVolume(volume, to: .maximum)
                let new = try entry(disk, number)
                #expect(new.start == old.start && new.size > old.size, "partition \(number)")
                if number == 1 { #expect(new.start + new.size == box.start) }
                if number == 6 { #expect(new.start + new.size == box.start + box.size) }
                if number == 5 { #expect(new.start + new.size < 800_000 * 512) }
                #expect(try await host.volumeStats(volume).totalBytes > new.size - 20 << 20)
            }
            #expect(try Command.run("sfdisk", "--verify", disk.device).contains("No errors detected"))
            #expect(try await host.volumes(on: try disk.number, partition: nil) == volumes)
        }

        /// The tool's own look at it comes before the table.
        @Test func aFilesystemWithFaultsIsNotGrownAndNeitherIsItsPartition() async throws {
            let disk = try LoopDisk(size: 100 << 20)
            let linked = try LinkedHost(.ext4)
            let host = linked.host
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            try Command.run("debugfs", "-w", "-R", "clri <2>", disk.partition())
            try disk.grow(to: 1 << 30)
            try await host.rescanDisks()
            let before = try table(disk)
            await expectError(.failedPrecondition, "e2fsck") { try await host.resizeVolume(volume, to: .maximum) }
            #expect(try table(disk) == before)
        }

        /// It has changed the table by then, and the next call goes on with it.
        @Test func aToolThatFailsIsNotRunAgain() async throws {
            let disk = try LoopDisk(size: 256 << 20)
            let linked = try LinkedHost()
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            try disk.grow(to: 512 << 20)
            try await linked.host.rescanDisks()
            do {
                let tool = try StandInProgram("/usr/sbin/resize2fs", "exit 1")
                tool.goOn()
                await expectError(.failedPrecondition, "resize2fs failed") {
                    try await linked.host.resizeVolume(volume, to: .maximum)
                }
                #expect(tool.processes.count == 1)
            }
            try await linked.host.resizeVolume(volume, to: .maximum)
        }
    }
}
