// SPDX-License-Identifier: Apache-2.0

import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S1: nothing is partitioned or formatted that is not provably blank or named by the caller.
    @Suite struct S1FormatOnlyWhatIsBlankTests {
        private static let size: Int64 = 320 << 20

        // MARK: - Existing content

        /// A disk with a table and a partition in it is left as it is, and that is no failure.
        @Test(arguments: Remains.all.filter { $0.testDescription != "a partition table" })
        func aDiskThatIsNotBlankIsNotPartitioned(_ remains: Remains) async throws {
            let disk = try LoopDisk(size: Self.size)
            let device = try RawDevice(disk.device)
            try remains.put(device)
            let before = try disk.digest()
            let linked = try LinkedHost()
            try await Self.expectRefusal(of: remains, device.size) {
                try await linked.host.partitionDisk(try disk.number)
            }
            #expect(try disk.digest() == before)
        }

        @Test(arguments: Remains.all) func aVolumeThatIsNotBlankIsNotFormatted(_ remains: Remains) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            let device = try RawDevice(disk.partition())
            try remains.put(device)
            let before = try disk.digest()
            try await Self.expectRefusal(of: remains, device.size) { try await linked.host.formatVolume(volume) }
            #expect(try disk.digest() == before)
        }

        @Test func randomBytesAreNeitherAFormatNorBlank() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try RawDevice(disk.partition()).write([1], at: 1_228_800)
            #expect(try await !linked.host.isVolumeFormatted(volume))
            await expectError(.failedPrecondition, "unknown data at offset 1228800") {
                try await linked.host.formatVolume(volume)
            }
        }

        // MARK: - Unreadable devices

        /// In head and tail and at copies of superblocks of the volume that takes all of a disk of 160 MiB: 159 MiB less the 33
        /// sectors of the table's copy.
        static let places: [Int64] = [0, 1 << 20, 4 << 20, 64 << 20, 128 << 20, 158 << 20 + 4096, 40698 * 4096]

        /// The case in which another driver's `blkid` reports nothing and `mkfs.xfs -f` then formats.
        @Test(arguments: places) func aVolumeThatCannotBeReadIsNotFormatted(_ place: Int64) async throws {
            let file = try FaultyFile(size: 160 << 20)
            let disk = try file.attach()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            // Pages that were read before stay in the page cache, and are no proof.
            try Command.run(
                "dd", "if=\(disk.partition())", "of=/dev/null", "bs=4096", "skip=\(place / 4096)", "count=1")
            let before = try Command.run("cksum", file.backing)
            try file.order(.unreadable((1 << 20 + place)..<(1 << 20 + place + 4096)))
            await expectError(.failedPrecondition, "cannot be read at offset \(place), so it is not provably blank") {
                try await linked.host.formatVolume(volume)
            }
            #expect(try Command.run("cksum", file.backing) == before)
        }

        @Test(arguments: [0, 64 << 20, 160 << 20 - 4096] as [Int64])
        func aDiskThatCannotBeReadIsNotPartitioned(_ place: Int64) async throws {
            let file = try FaultyFile(size: 160 << 20)
            let disk = try file.attach()
            let linked = try LinkedHost()
            try file.order(.unreadable(place..<(place + 4096)))
            let before = try Command.run("cksum", file.backing)
            await expectError(.failedPrecondition, "cannot be read at offset \(place), so it is not provably blank") {
                try await linked.host.partitionDisk(try disk.number)
            }
            #expect(try Command.run("cksum", file.backing) == before)
        }

        /// The tail of the disk is gone while the device keeps its size.
        @Test func aDeviceThatIsShorterThanItSaysIsRefused() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            try disk.grow(to: 160 << 20)
            await expectError(.failedPrecondition, "cannot be read") { try await linked.host.formatVolume(volume) }
        }

        /// The kernel knows that the tail is gone; the table on the disk still has it.
        @Test func aVolumeThatReachesBeyondItsDiskIsRefused() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            try disk.grow(to: 160 << 20)
            try Command.run("losetup", "--set-capacity", disk.device)
            let before = try disk.digest()
            await #expect(throws: StorageError.self) { try await linked.host.formatVolume(volume) }
            #expect(try disk.digest() == before)
        }

        @Test func aDeviceWithoutSizeIsRefused() async throws {
            let disk = try LoopDisk(size: 0)
            let device = try Self.device(disk, size: 0)
            await expectError(.notFound) { try await LinkedHost().host.partitionDisk(try disk.number) }
            expectError(.failedPrecondition, "size") { _ = try BlankDevice(of: device) }
        }

        // MARK: - The proof itself

        @Test func aProofIsOfTheDeviceAndTheSizeThatWereMeant() throws {
            let (disk, other) = (try LoopDisk(size: 8 << 20), try LoopDisk(size: 8 << 20))
            let right = try Self.device(disk, size: 8 << 20)
            let shorter = VolumeDevice(name: right.name, device: right.device, size: 4 << 20)
            expectError(.failedPrecondition, "size") { _ = try BlankDevice(of: shorter) }
            let another = VolumeDevice(
                name: right.name, device: try Self.device(other, size: 8 << 20).device, size: 8 << 20)
            expectError(.failedPrecondition, "another device") { _ = try BlankDevice(of: another) }
            _ = try BlankDevice(of: right)
        }

        /// Pages that a process has read before, and that have other content on the disk by now.
        @Test func aProofIsOfTheDiskAndNotOfWhatIsRemembered() async throws {
            let disk = try LoopDisk(size: 8 << 20)
            let linked = try LinkedHost()
            let whole = try OpenDisk.opened(linked.host.backend.inventory.disk(try disk.number)).wholeDevice
            let reader = try Descriptor.opened(disk.device, O_RDONLY)
            #expect(try reader.bytes(at: 0, count: 8 << 20, disk.device).firstIndexOfData == nil)
            let file = try FileHandle(forWritingTo: URL(filePath: disk.file))
            try file.seek(toOffset: 5 << 20)
            try file.write(contentsOf: Data("precious".utf8))
            try file.synchronize()
            try file.close()
            let error = #expect(throws: StorageError.self) { _ = try BlankDevice(of: whole) }
            #expect(error.map { "\($0)".contains("unknown data at offset \(5 << 20)") } == true, "\(error as Any)")
        }

        /// While the proof holds its descriptor, no other process mounts the device, formats it or proves it as well.
        @Test func aProofKeepsOtherUsersAway() throws {
            let disk = try LoopDisk(size: 8 << 20)
            let device = try Self.device(disk, size: 8 << 20)
            let proof = try BlankDevice(of: device)
            expectError(.busy) { _ = try BlankDevice(of: device) }
            #expect(throws: CommandFailed.self) { try Command.run("mkfs.ext4", "-q", disk.device) }
            Self.end(proof)
            try Command.run("mkfs.ext4", "-q", disk.device)
        }

        /// A table is written to the device that was found blank, by the descriptor that has kept others away since.
        @Test func aTableTakesTheProofAndItsDevice() throws {
            let disk = try LoopDisk(size: 8 << 20)
            let open = try OpenDisk(LinkedHost().host.backend.inventory.disk(try disk.number), O_RDWR)
            try open.lock()
            let writer = try PartitionWriter(table: "11111111-2222-3333-4444-555555555555", on: BlankDevice(of: open))
            expectError(.busy) { _ = try BlankDevice(of: open) }
            #expect(throws: CommandFailed.self) { try Command.run("mkfs.ext4", "-q", disk.device) }
            try writer.write()
            expectError(.failedPrecondition, "a partition table of type gpt") { _ = try BlankDevice(of: open) }
        }

        /// From the proof to the end of the tool the disk's lock is held, so that udev and others stay away.
        @Test func theDisksLockIsHeldUntilTheToolHasEnded() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", #"exec "$program" "$@""#)
            async let format: Void = linked.host.formatVolume(volume)
            try await tool.hasBegun()
            #expect(throws: CommandFailed.self) { try Command.run("flock", "--nonblock", disk.device, "true") }
            tool.goOn()
            try await format
            try Command.run("flock", "--nonblock", disk.device, "true")
        }

        @Test func aVolumeInUseElsewhereIsNotFormatted() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            _ = try await linked.host.isVolumeFormatted(volume)
            let claim = open(disk.partition(), O_RDONLY | O_EXCL)
            #expect(claim >= 0)
            defer { close(claim) }
            await expectError(.busy) { try await linked.host.formatVolume(volume) }
        }

        // MARK: - Signatures that a caller permits to destroy

        @Test func theSignatureThatIsNamedAndNoOtherGoes() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost(.xfs)
            let volume = try await linked.volume(on: disk)
            try Command.run("mkfs.ext4", "-q", "-U", "01234567-89ab-4def-8123-456789abcdef", disk.partition())
            let before = try disk.digest()
            let found = "ext4 with UUID 01234567-89ab-4def-8123-456789abcdef"
            for other in [
                Signature(type: "ext4"), Signature(type: "ext4", uuid: "11234567-89ab-4def-8123-456789abcdef"),
                Signature(type: "ext3", uuid: "01234567-89ab-4def-8123-456789abcdef"), Signature(type: "crypto_LUKS"),
            ] {
                await expectError(.failedPrecondition, "it holds \(found), not \(other)") {
                    try await linked.host.formatVolume(volume, over: other)
                }
            }
            #expect(try disk.digest() == before)
            try await linked.host.formatVolume(
                volume, over: Signature(type: "ext4", uuid: "01234567-89ab-4def-8123-456789abcdef"))
            #expect(try Command.run("blkid", "-p", "-o", "value", "-s", "TYPE", disk.partition()) == "xfs")
        }

        /// The disk is none of a volume then, and the error is still that of the tool.
        @Test func aToolThatFailsOnAWholeDiskIsNamed() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            try Command.run("mkfs.ext4", "-q", "-U", "01234567-89ab-4def-8123-456789abcdef", disk.device)
            let volume = try #require(try await linked.host.volumes(on: try disk.number, partition: nil).first)
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", "echo 'out of luck' >&2; exit 1")
            tool.goOn()
            await expectError(.failedPrecondition, "mkfs.ext4 failed", "out of luck") {
                try await linked.host.formatVolume(
                    volume, over: Signature(type: "ext4", uuid: "01234567-89ab-4def-8123-456789abcdef"))
            }
        }

        @Test func anLVMPhysicalVolumeGoesWhereItIsNamed() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            let remains = try #require(Remains.all.first { $0.testDescription == "an LVM physical volume" })
            try remains.put(try RawDevice(disk.partition()))
            let uuid = try Command.run("blkid", "-p", "-o", "value", "-s", "UUID", disk.partition())
            try await linked.host.formatVolume(volume, over: Signature(type: "LVM2_member", uuid: uuid))
            #expect(try await linked.host.isVolumeFormatted(volume))
        }

        /// A signature permits to destroy itself alone, and not a volume with more on it.
        @Test(arguments: ["random bytes", "xfs and swap", "a partition table"])
        func aNameIsNoLeaveForWhatHasNone(_ name: String) async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            let device = try RawDevice(disk.partition())
            let remains = try #require(Remains.all.first { $0.testDescription == name })
            try remains.put(device)
            let before = try disk.digest()
            for named in ["xfs", "swap", "dos", "unknown"] {
                try await Self.expectRefusal(of: remains, device.size) {
                    try await linked.host.formatVolume(volume, over: Signature(type: named))
                }
            }
            #expect(try disk.digest() == before)
        }

        @Test func whatIsNamedStaysWhereItIsInUse() async throws {
            let disk = try LoopDisk(size: Self.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            let uuid = "01234567-89ab-4def-8123-456789abcdef"
            try Command.run("mkfs.ext4", "-q", "-U", uuid, disk.partition())
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try "precious".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            await expectError(.busy) {
                try await linked.host.formatVolume(volume, over: Signature(type: "ext4", uuid: uuid))
            }
            try await linked.host.unmountVolume(volume, from: place)
            try await linked.host.mountVolume(volume, at: place)
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "precious")
        }

        private static func expectRefusal(
            of remains: Remains, _ size: Int64, performing body: () async throws -> Void
        ) async throws {
            let error = try #require(await expectError(.failedPrecondition, performing: body))
            for word in remains.words(size) { #expect("\(error)".contains(word), "\(error)") }
        }

        private static func device(_ disk: LoopDisk, size: Int64) throws -> VolumeDevice {
            let number = try Descriptor(opening: disk.device, O_RDONLY).status(disk.device).special
            return VolumeDevice(name: disk.name, device: number, size: size)
        }

        private static func end(_ proof: consuming BlankDevice) {}
    }
}
