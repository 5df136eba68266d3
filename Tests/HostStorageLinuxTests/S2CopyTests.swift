// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S2: an ID is one disk's. A copy of a disk, byte for byte, is another disk.
    @Suite(.timeLimit(.minutes(10))) struct S2CopyTests {
        private static func copy(_ disk: LoopDisk) throws -> LoopDisk {
            let size = try Command.run("blockdev", "--getsize64", disk.device)
            let copy = try LoopDisk(size: try #require(Int64(size)))
            try Command.run("blockdev", "--flushbufs", disk.device)
            try Command.run("dd", "if=\(disk.device)", "of=\(copy.device)", "bs=1M", "conv=fsync,sparse")
            return copy
        }

        private static func partition(_ device: String, _ script: String) throws {
            let scratch = try ScratchDirectory()
            try script.write(toFile: "\(scratch.path)/script", atomically: false, encoding: .utf8)
            try Command.run(
                "sh", "-c",
                "sfdisk --quiet --wipe never --no-reread --no-tell-kernel \(device) < \(scratch.path)/script")
        }

        private static func only(_ linked: LinkedHost, _ disk: LoopDisk) async throws -> VolumeID {
            let all = try await linked.host.volumes(on: try disk.number, partition: nil)
            try #require(all.count == 1)
            return all[0]
        }

        /// Both ways, for the kernel may take the first for the second or the second for the first.
        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs, .ntfs, .exfat], [false, true])
        func aCopyIsMountedBesideItsOriginal(_ kind: FilesystemKind, copyFirst: Bool) async throws {
            let linked = try LinkedHost(kind)
            let host = linked.host
            let original = try LoopDisk(size: 512 << 20)
            let volume = try await linked.formattedVolumes(on: [original])[0]
            let place = linked.path("first")
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            try "both".write(toFile: "\(place)/both", atomically: false, encoding: .utf8)
            try await host.unmountVolume(volume, from: place)
            let copy = try Self.copy(original)
            let copied = try await Self.only(linked, copy)
            try #require(copied != volume)
            #expect(try await host.disk(of: volume) == original.number)
            #expect(try await host.disk(of: copied) == copy.number)

            let order = copyFirst ? [(copied, copy), (volume, original)] : [(volume, original), (copied, copy)]
            for (volume, disk) in order {
                let place = linked.path(disk.name)
                try await host.makeDirectory(place)
                try await host.mountVolume(volume, at: place)
                #expect(try String(contentsOfFile: "\(place)/both", encoding: .utf8) == "both")
                try disk.name.write(toFile: "\(place)/own", atomically: false, encoding: .utf8)
                try await host.flushVolume(volume)
            }
            for (volume, disk) in order {
                let place = linked.path(disk.name)
                #expect(try await host.volume(mountedAt: place) == volume)
                #expect(try await host.volume(closestTo: "\(place)/own") == volume)
                #expect(try await host.isVolumeFormatted(volume))
                _ = try await host.volumeStats(volume)
                // The other's place is not its own.
                let other = order.first { $0.0 != volume }
                await expectError(.failedPrecondition, "another volume is mounted there") {
                    try await host.unmountVolume(volume, from: linked.path(try #require(other).1.name))
                }
            }
            for (volume, disk) in order {
                #expect(try await host.unmountVolume(volume, from: linked.path(disk.name)) == .released)
            }
            // Each wrote to its own disk.
            for (volume, disk) in order.reversed() {
                let place = linked.path(disk.name)
                try await host.mountVolume(volume, at: place)
                #expect(try String(contentsOfFile: "\(place)/own", encoding: .utf8) == disk.name)
                try await host.unmountVolume(volume, from: place)
            }
        }

        @Test func anXfsCopyIsRefusedBesideItsOriginalWhereTheHostIsSetSo() async throws {
            let linked = try LinkedHost(.xfs, set: { $0.copies = .refused })
            let host = linked.host
            let original = try LoopDisk(size: 512 << 20)
            let volume = try await linked.formattedVolumes(on: [original])[0]
            let copy = try Self.copy(original)
            let copied = try await Self.only(linked, copy)
            let (place, other) = (linked.path("first"), linked.path("second"))
            for place in [place, other] { try await host.makeDirectory(place) }
            try await host.mountVolume(volume, at: place)
            let before = try copy.digest()
            await expectError(.failedPrecondition, "an xfs with the same UUID is mounted") {
                try await host.mountVolume(copied, at: other)
            }
            #expect(try copy.digest() == before)
            try await host.unmountVolume(volume, from: place)
            try await host.mountVolume(copied, at: other)
            try await host.unmountVolume(copied, from: other)
        }

        @Test func aCopyOfAMountedDiskGrowsWithoutIt() async throws {
            for kind in [FilesystemKind.ext4, .xfs, .btrfs] {
                let linked = try LinkedHost(kind)
                let host = linked.host
                let original = try LoopDisk(size: 512 << 20)
                let volume = try await linked.formattedVolumes(on: [original])[0]
                let place = linked.path("first")
                try await host.makeDirectory(place)
                let copy = try Self.copy(original)
                let copied = try await Self.only(linked, copy)
                try await host.mountVolume(volume, at: place)
                let before = try await host.volumeStats(volume).totalBytes
                try copy.grow(to: 1 << 30)
                try await host.rescanDisks()
                try await host.resizeVolume(copied, to: .maximum)
                #expect(try await host.volumeStats(volume).totalBytes == before)
                #expect(try await host.volumeStats(copied).totalBytes > before + (256 << 20), "\(kind)")
                try await host.unmountVolume(volume, from: place)
            }
        }

        @Test func formattingTheCopyLeavesTheOriginalAlone() async throws {
            let linked = try LinkedHost()
            let original = try LoopDisk()
            let volume = try await linked.volume(on: original)
            let copy = try Self.copy(original)
            let copied = try await Self.only(linked, copy)
            let before = try original.digest()
            try await linked.host.formatVolume(copied)
            #expect(try await linked.host.isVolumeFormatted(copied))
            #expect(try await !linked.host.isVolumeFormatted(volume))
            #expect(try original.digest() == before)
        }

        /// A filesystem on the whole disk, an MBR, partitions by the dozen, and two partitions of one GUID.
        @Test(arguments: ["", "dos", "gpt", "twice"])
        func everyVolumeOfADiskAndItsCopyIsAnother(_ layout: String) async throws {
            let linked = try LinkedHost()
            let original = try LoopDisk()
            switch layout {
            case "": try Command.run("mkfs.ext4", "-q", original.device)
            case "twice":
                let uuid = "uuid=01234567-89AB-4DEF-8123-456789ABCDEF"
                try Self.partition(original.device, "label: gpt\nsize=64M,\(uuid)\nsize=64M,\(uuid)\n")
            default:
                let partitions = layout == "dos" ? "size=64M\nsize=512M,type=5\nsize=64M\nsize=64M\n" : ""
                try Self.partition(
                    original.device,
                    "label: \(layout)\n"
                        + (partitions.isEmpty ? String(repeating: "size=16M\n", count: 12) : partitions))
            }
            let copy = try Self.copy(original)
            var all: [VolumeID: DiskNumber] = [:]
            for disk in [original, copy] {
                let number = try disk.number
                let volumes = try await linked.host.volumes(on: number, partition: nil)
                #expect(volumes.count == ["": 1, "dos": 3, "twice": 2, "gpt": 12][layout])
                for volume in volumes {
                    #expect(all.updateValue(number, forKey: volume) == nil)
                    #expect(try await linked.host.disk(of: volume) == number)
                }
            }
            let again = try LinkedHost(restarting: linked)
            for (volume, number) in all { #expect(try await again.host.disk(of: volume) == number) }
        }

        @Test func theIDStaysThroughAllChangesOfTheDisk() async throws {
            let linked = try LinkedHost()
            let host = linked.host
            let disk = try LoopDisk(size: 256 << 20)
            let number = try disk.number
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            func expectTheSame(_ what: String) async throws {
                #expect(try await host.volumes(on: number, partition: nil) == [volume], "\(what)")
                let fresh = try LinkedHost(restarting: linked)
                #expect(try await fresh.host.disk(of: volume) == number, "\(what)")
            }
            try await expectTheSame("formatted")
            let place = linked.path("staging")
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            try await expectTheSame("mounted")
            try await host.unmountVolume(volume, from: place)
            try disk.grow(to: 512 << 20)
            try await host.rescanDisks()
            try await host.resizeVolume(volume, to: .maximum)
            try await expectTheSame("grown")
            let table = try Command.run("sfdisk", "--dump", disk.device)
            try Self.partition(disk.device, table)
            try await expectTheSame("its table written anew")
            try Command.run("mv", disk.file, "\(disk.file).moved")
            try await expectTheSame("its file renamed")
            try Command.run("mv", "\(disk.file).moved", disk.file)
            try await expectTheSame("its file renamed back")
            // Attached again, it is another disk by number, and the same by its name.
            try Command.run("partx", "--delete", disk.device)
            try Command.run("losetup", "--detach", disk.device)
            try Command.run("losetup", disk.device, disk.file)
            #expect(try await host.disk(of: volume) == disk.number)
            #expect(try disk.number != number)
        }

        @Test func theOriginalsIDIsNotTheCopysWhenTheOriginalHasGone() async throws {
            let linked = try LinkedHost()
            let original = try LoopDisk(size: 256 << 20)
            let volume = try await linked.formattedVolumes(on: [original])[0]
            let copy = try Self.copy(original)
            _ = try await Self.only(linked, copy)
            try Command.run("partx", "--delete", original.device)
            try Command.run("losetup", "--detach", original.device)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            for host in [linked.host, try LinkedHost(restarting: linked).host] {
                await expectError(.notFound) { try await host.mountVolume(volume, at: place) }
                await expectError(.notFound) { try await host.formatVolume(volume) }
                await expectError(.notFound) { try await host.disk(of: volume) }
            }
            // So that it can be detached once more.
            try Command.run("losetup", original.device, original.file)
        }

        // MARK: - Disks that name themselves alike

        /// Two paths to one disk.
        @Test func twoDevicesOfOneFileAreNamedAndNeitherIsTouched() async throws {
            let linked = try LinkedHost()
            let host = linked.host
            let disk = try LoopDisk(size: 256 << 20)
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let place = linked.path("staging")
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            let twin = try Command.run("losetup", "--find", "--show", disk.file)
            defer { _ = try? Command.run("losetup", "--detach", twin) }
            let names = [disk.device, twin].sorted().joined(separator: " and ")
            for host in [host, try LinkedHost(restarting: linked).host] {
                await expectError(.failedPrecondition, names) { try await host.formatVolume(volume) }
                await expectError(.failedPrecondition, names) { try await host.mountVolume(volume, at: place) }
                await expectError(.failedPrecondition, names) { try await host.resizeVolume(volume, to: .maximum) }
                await expectError(.failedPrecondition, names) { try await host.disk(of: volume) }
                await expectError(.failedPrecondition, names) { try await host.isVolumeFormatted(volume) }
                await expectError(.failedPrecondition, names) { _ = try await host.volumeStats(volume) }
                await expectError(.failedPrecondition, names) { try await host.flushVolume(volume) }
                await expectError(.failedPrecondition, "name themselves alike") {
                    try await host.partitionDisk(try disk.number)
                }
            }
            // The mount is from one of them.
            #expect(try await host.unmountVolume(volume, from: place) == .released)
            try Command.run("losetup", "--detach", twin)
            try await host.mountVolume(volume, at: place)
            try await host.unmountVolume(volume, from: place)
        }

        /// Numbers of logical partitions move up when one before them goes.
        @Test func aLogicalPartitionKeepsItsIDWhenItsNumberChanges() async throws {
            let disk = try LoopDisk(size: 256 << 20)
            try Command.run(
                "sh", "-c", "printf 'label: dos\\n,,E\\n,64M\\n,64M\\n' | sfdisk -q \(disk.device)")
            let host = try LinkedHost().host
            let before = try await host.volumes(on: try disk.number, partition: nil)
            try #require(before.count == 2)
            try Command.run("sfdisk", "-q", "--no-reread", "--no-tell-kernel", "--force", "--delete", disk.device, "5")
            #expect(try await host.volumes(on: try disk.number, partition: nil) == [before[1]])
        }

        /// The kernel finds the devices of a btrfs by its UUID, and would put one together of originals and copies.
        @Test func aBtrfsOfTwoDisksIsNotMountedWhileCopiesOfThemAreThere() async throws {
            let linked = try LinkedHost(.btrfs)
            let (host, place) = (linked.host, linked.path("staging"))
            let originals = [try LoopDisk(size: 256 << 20), try LoopDisk(size: 256 << 20)]
            try Command.run("mkfs.btrfs", "-q", originals[0].device, originals[1].device)
            try await host.makeDirectory(place)
            let volume = try await Self.only(linked, originals[0])
            do {
                let copies = [try Self.copy(originals[0]), try Self.copy(originals[1])]
                let copied = try await Self.only(linked, copies[1])
                let before = try (originals + copies).map { try $0.digest() }
                for id in [volume, copied] {
                    await expectError(.failedPrecondition, "copy") { try await host.mountVolume(id, at: place) }
                }
                #expect(try (originals + copies).map { try $0.digest() } == before)
                try Command.run("btrfs", "device", "scan", "--forget")
                for copy in copies { try copy.reset(to: 256 << 20) }
            }
            try Command.run("btrfs", "device", "scan", originals[0].device, originals[1].device)
            try await host.mountVolume(volume, at: place)
            try await host.unmountVolume(volume, from: place)
        }

        enum Alias: CaseIterable, Sendable {
            case onTheDisk
            case onThePartition
            case onTheRestOfItsFile
        }

        /// The kernel would mount a filesystem from both, and destroy it.
        @Test(arguments: Alias.allCases, [false, true])
        func bytesThatAreMountedByOneNameAreNotMountedByAnother(_ alias: Alias, aliasFirst: Bool) async throws {
            let linked = try LinkedHost()
            let (host, places) = (linked.host, [linked.path("first"), linked.path("second")])
            for place in places { try await host.makeDirectory(place) }
            let disk = try LoopDisk(size: 256 << 20)
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let arguments =
                switch alias {
                case .onTheDisk: [disk.device]
                case .onThePartition: [disk.partition()]
                case .onTheRestOfItsFile: ["--offset", "\(1 << 20)", disk.file]
                }
            let above = try Command.run(["losetup", "--find", "--show"] + arguments)
            defer {
                _ = try? Command.run("partx", "--delete", above)
                _ = try? Command.run("losetup", "--detach", above)
            }
            let number = try DiskNumber(decimal: Command.run("cat", "/sys/block/\(above.dropFirst(5))/diskseq"))
            let other = try #require(try await host.volumes(on: number, partition: nil).first)
            try #require(other != volume)
            let order = aliasFirst ? [other, volume] : [volume, other]
            try await host.mountVolume(order[0], at: places[0])
            await expectError(.failedPrecondition, "the same bytes") {
                try await host.mountVolume(order[1], at: places[1])
            }
            try await host.unmountVolume(order[0], from: places[0])
            try await host.mountVolume(order[1], at: places[1])
            try await host.unmountVolume(order[1], from: places[1])
        }

        @Test func aLoopDeviceOnAnotherDiskIsADiskOfItsOwnUnderWhicheverNode() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 256 << 20)
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let node = "\(linked.scratch.path)/node"
            let numbers = try Command.run("lsblk", "--noheadings", "--nodeps", "--output", "MAJ:MIN", disk.device)
                .trimmingCharacters(in: .whitespaces).split(separator: ":").map(String.init)
            try Command.run("mknod", node, "b", numbers[0], numbers[1])
            let first = try Command.run("losetup", "--find", "--show", "--read-only", disk.device)
            defer { _ = try? Command.run("losetup", "--detach", first) }
            #expect(try await linked.host.disk(of: volume) == disk.number)
            let number = try DiskNumber(
                decimal: Command.run("cat", "/sys/block/\(first.dropFirst("/dev/".count))/diskseq"))
            let above = try await linked.host.volumes(on: number, partition: nil)
            #expect(above.count == 1 && above != [volume])
            #expect(try await linked.host.disk(of: above[0]) == number)
            let second = try Command.run("losetup", "--find", "--show", "--read-only", node)
            defer { _ = try? Command.run("losetup", "--detach", second) }
            await expectError(.failedPrecondition, "name themselves alike") { try await linked.host.disk(of: above[0]) }
            #expect(try await linked.host.disk(of: volume) == disk.number)
        }

        // MARK: - Records of earlier versions

        /// A format that was cut off under an earlier version is continued; a copy's is not.
        @Test func whatAnEarlierVersionNotedDownIsOfItsDiskAlone() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 256 << 20)
            _ = try await linked.volume(on: disk)
            // As it is when the format had ended, and its caller never got the answer.
            let uuid = "01234567-89ab-4def-8123-456789abcdef"
            try Command.run("mkfs.ext4", "-q", "-U", uuid, disk.partition())
            let copy = try Self.copy(disk)
            let backend = linked.host.backend
            let node = try backend.inventory.disk(try disk.number)
            let former = try #require(try await backend.index.volumes(on: node).first).formerID()
            #expect(try Command.run("sfdisk", "--part-uuid", disk.device, "1").lowercased() == former.guid)
            try backend.journal.record(
                .format, former.guid, on: node, filesystem: .ext4, uuid: uuid)
            let fresh = try LinkedHost(restarting: linked)
            let (volume, copied) = (try await Self.only(fresh, disk), try await Self.only(fresh, copy))
            await expectError(.failedPrecondition) { try await fresh.host.formatVolume(copied) }
            #expect(fresh.host.backend.journal.all().map(\.target) == [former.guid])
            await fresh.host.backend.recover()
            #expect(fresh.host.backend.journal.all().map(\.target) == [volume.guid])
            await expectError(.failedPrecondition) { try await fresh.host.formatVolume(copied) }
            try await fresh.host.formatVolume(volume)
        }

        /// Also by a mount, before anything else has looked at the volume.
        @Test func whatAnEarlierVersionDidNotFinishIsNotMounted() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 256 << 20)
            _ = try await linked.volume(on: disk)
            let uuid = "01234567-89ab-4def-8123-456789abcdef"
            try Command.run("mkfs.ext4", "-q", "-U", uuid, disk.partition())
            try Command.run("debugfs", "-w", "-R", "set_super_value state 0", disk.partition())
            let backend = linked.host.backend
            let node = try backend.inventory.disk(try disk.number)
            let former = try #require(try await backend.index.volumes(on: node).first).formerID()
            try backend.journal.record(.format, former.guid, on: node, filesystem: .ext4, uuid: uuid)
            let (fresh, place) = (try LinkedHost(restarting: linked), linked.path("staging"))
            try await fresh.host.makeDirectory(place)
            let volume = try await Self.only(fresh, disk)
            await expectError(.failedPrecondition, "its format was cut off") {
                try await fresh.host.mountVolume(volume, at: place)
            }
            try await fresh.host.formatVolume(volume)
            try await fresh.host.mountVolume(volume, at: place)
            try await fresh.host.unmountVolume(volume, from: place)
        }
    }
}
