// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// S9: the disk that carries the running system, through any stack of devices, is refused. The machine's own root
    /// is on no disk, so every refusal here comes from the test's setup.
    @Suite struct S9SystemDiskTests {
        /// Prefix of a command that runs in the namespace of the machine's first process.
        private static let firstProcess = ["nsenter", "--target", "1", "--mount", "--root"]

        /// Expects that nothing can be done to the disk.
        private func expectRefused(_ disk: DiskNumber, _ linked: LinkedHost) async {
            await expectError(.denied, "running system") { try await linked.host.partitionDisk(disk) }
            await expectError(.denied, "running system") { try await linked.host.setDiskState(disk, to: .offline) }
        }

        @Test(arguments: ["/boot", "/boot/efi", "/efi", "/etc", "/usr", "/var"])
        func theDiskBelowAPlaceOfTheSystemIsRefused(_ place: String) async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk.number)
            try await linked.host.formatVolume(volume)
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            // By system calls: with /usr covered there is no program to run.
            let mount = try SystemMount(of: disk.partition(), type: "ext4", at: place)
            await expectRefused(disk.number, linked)
            await expectError(.denied, "running system") { try await linked.host.formatVolume(volume) }
            await expectError(.denied, "running system") {
                try await linked.host.resizeVolume(volume, to: .maximum)
            }
            try mount.end()
            try await linked.host.partitionDisk(disk.number)
            try await linked.host.setDiskState(disk.number, to: .offline)
        }

        /// A second partition of that disk is no less on it.
        @Test func aBlankPartitionOfTheSystemsDiskIsNotFormatted() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            try Command.run("sh", "-c", "printf 'label: gpt\\nsize=20M\\nsize=20M\\n' | sfdisk -q \(disk.device)")
            try Command.run("mkfs.ext4", "-q", disk.partition(1))
            let linked = try LinkedHost()
            let second = try await linked.host.volumes(on: disk.number, partition: PartitionNumber(2))
            let blank = try #require(second.first)
            let mount = try SystemMount(of: disk.partition(1), type: "ext4", at: "/var")
            let before = try disk.digest()
            await expectError(.denied, "running system") { try await linked.host.formatVolume(blank) }
            #expect(try disk.digest() == before)
            try mount.end()
            try await linked.host.formatVolume(blank)
        }

        @Test func disksBelowMappedDevicesAreRefused() async throws {
            let disks = try ScsiDisks()
            let (first, second, other) = (try disks.add(), try disks.add(), try disks.add())
            try Command.run("sh", "-c", "printf 'label: gpt\\nsize=40M\\n' | sfdisk -q \(second.device)")
            // As a logical volume over two physical ones, with an encrypted one over that.
            let lower = try MappedDevice(
                "lower", uuid: "LVM-lower",
                table: [
                    MappedDevice.linear(0..<40960, on: first.device),
                    MappedDevice.linear(40960..<81920, on: second.partition(), from: -40960),
                ])
            let upper = try MappedDevice(
                "upper", uuid: "CRYPT-upper", table: [MappedDevice.linear(0..<81920, on: lower.device)])
            try Command.run("mkfs.ext4", "-q", upper.device)
            let linked = try LinkedHost()
            let mount = try SystemMount(of: upper.device, type: "ext4", at: "/var")
            await expectRefused(first.number, linked)
            await expectRefused(second.number, linked)
            try await linked.host.partitionDisk(other.number)
            try mount.end()
            withExtendedLifetime((lower, upper)) {}
        }

        @Test func disksBelowARaidAreRefused() async throws {
            let disks = try ScsiDisks()
            let members = [try disks.add(), try disks.add()]
            let raid = try RaidArray(members.map(\.device))
            try Command.run("mkfs.ext4", "-q", raid.device)
            let linked = try LinkedHost()
            let mount = try SystemMount(of: raid.device, type: "ext4", at: "/boot")
            for member in members { await expectRefused(member.number, linked) }
            try mount.end()
        }

        /// The mount table names one device of a filesystem that spans several.
        @Test func everyDiskOfABtrfsIsRefused() async throws {
            let disks = try ScsiDisks(mebibytes: 160)
            let members = [try disks.add(), try disks.add()]
            try Command.run("mkfs.btrfs", "-q", members[0].device, members[1].device)
            let linked = try LinkedHost()
            let mount = try SystemMount(of: members[0].device, type: "btrfs", at: "/var")
            for member in members { await expectRefused(member.number, linked) }
            try mount.end()
        }

        @Test func theDiskOfActiveSwapIsRefused() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            let map = try MappedDevice(
                "swap", uuid: "LVM-swap", table: [MappedDevice.linear(0..<81920, on: disk.device)])
            try Command.run("mkswap", map.device)
            try Command.run("swapon", map.device)
            let linked = try LinkedHost()
            await expectRefused(disk.number, linked)
            try Command.run("swapoff", map.device)
            withExtendedLifetime(map) {}
        }

        /// Wherever the file can be seen: by this process or by the machine's first.
        @Test(arguments: [true, false]) func theDiskOfAFileOfActiveSwapIsRefused(isInOwnNamespace: Bool) async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            try Command.run("mkfs.ext4", "-q", disk.device)
            let linked = try LinkedHost()
            let namespace = isInOwnNamespace ? [] : Self.firstProcess
            let script = """
                mkdir -p /srv/swap && mount \(disk.device) /srv/swap && cd /srv/swap
                dd if=/dev/zero of='a file' bs=1M count=16 && chmod 600 'a file' && mkswap 'a file' && swapon 'a file'
                """
            try Command.run(namespace + ["sh", "-c", script])
            defer { _ = try? Command.run(namespace + ["sh", "-c", "swapoff '/srv/swap/a file'; umount /srv/swap"]) }
            #expect(try Kernel.read("/proc/swaps").contains("file"))
            await expectRefused(disk.number, linked)
        }

        /// The mounts of the machine's first process count, though this process's namespace does not have them.
        @Test func theDiskBelowAPlaceOfTheFirstProcessIsRefused() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            try Command.run("mkfs.ext4", "-q", disk.device)
            let linked = try LinkedHost()
            try Command.run(Self.firstProcess + ["mount", disk.device, "/boot"])
            defer { _ = try? Command.run(Self.firstProcess + ["umount", "/boot"]) }
            #expect(try !Kernel.read("/proc/self/mountinfo").contains(disk.device))
            await expectRefused(disk.number, linked)
        }

        /// The disk that holds the file is the system's; the disk that the file is, is not.
        @Test func aLoopDeviceOnAFileOfTheSystemsDiskIsNotRefused() async throws {
            let disks = try ScsiDisks()
            let disk = try disks.add()
            try Command.run("mkfs.ext4", "-q", disk.device)
            let linked = try LinkedHost()
            let mount = try SystemMount(of: disk.device, type: "ext4", at: "/var")
            try Command.run("truncate", "--size", "32M", "/var/disk")
            let loop = try Command.run("losetup", "--find", "--show", "/var/disk")
            let name = URL(filePath: loop).lastPathComponent
            let number = try DiskNumber(decimal: Kernel.read("/sys/block/\(name)/diskseq"))
            try await linked.host.partitionDisk(number)
            await expectRefused(disk.number, linked)
            try Command.run("partx", "--delete", loop)
            try Command.run("losetup", "--detach", loop)
            try mount.end()
        }
    }
}
