// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S2 with hundreds of disks: none is left out for want of a place. HOST_STORAGE_DISKS sets how many.
    @Suite(.timeLimit(.minutes(15))) struct S2ManyDisksTests {
        private static let count =
            ProcessInfo.processInfo.environment["HOST_STORAGE_DISKS"].flatMap { Int($0) } ?? 400

        /// They end with their descriptors.
        private static func attach(_ count: Int, in scratch: ScratchDirectory) throws -> [LoopDevice] {
            try (0..<count).map { index in
                let file = "\(scratch.path)/disk-\(index)"
                _ = FileManager.default.createFile(atPath: file, contents: nil)
                guard truncate(file, 8 << 20) == 0 else { throw CommandFailed("truncate \(file)") }
                return try LoopDevice(file: file, reference: "many-\(index)")
            }
        }

        @Test func allAreListedAndEachVolumeIsFoundAfterARestart() async throws {
            let nodes = LoopNodes()
            defer { nodes.removeNew() }
            let linked = try LinkedHost()
            let first = try LoopDisk(size: 64 << 20)
            let many = try Self.attach(Self.count, in: linked.scratch)
            let last = try LoopDisk(size: 64 << 20)
            let numbers = Set(try many.map(\.number) + [first.number, last.number])
            #expect(try await linked.host.diskIdentifiers().keys.filter(numbers.contains).count == numbers.count)

            let volume = try await linked.volume(on: first)
            try Command.run("dd", "if=\(first.device)", "of=\(last.device)", "bs=1M", "conv=fsync")
            let copied = try #require(try await linked.host.volumes(on: try last.number, partition: nil).first)
            #expect(copied != volume)
            for (id, disk) in [(volume, first), (copied, last)] {
                let fresh = try LinkedHost(restarting: linked)
                #expect(try await fresh.host.disk(of: id) == disk.number)
                try await fresh.host.formatVolume(id)
                let place = linked.path(disk.name)
                try await fresh.host.makeDirectory(place)
                try await fresh.host.mountVolume(id, at: place)
                #expect(try await fresh.host.volume(mountedAt: place) == id)
                try await fresh.host.unmountVolume(id, from: place)
                await expectError(.notFound) { try await fresh.host.disk(of: VolumeID(guid: "\(UUID())")) }
            }
            try await linked.host.rescanDisks()
            withExtendedLifetime(many) {}
        }

        /// Among hundreds of others, two indistinguishable disks are found.
        @Test func twoDevicesOfOneFileAreFoundAmongThem() async throws {
            let nodes = LoopNodes()
            defer { nodes.removeNew() }
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.volume(on: disk)
            let many = try Self.attach(Self.count, in: linked.scratch)
            let twin = try Command.run("losetup", "--find", "--show", disk.file)
            defer { _ = try? Command.run("losetup", "--detach", twin) }
            let fresh = try LinkedHost(restarting: linked)
            await expectError(.failedPrecondition, twin) { try await fresh.host.formatVolume(volume) }
            await expectError(.failedPrecondition, twin) { try await fresh.host.partitionDisk(try disk.number) }
            withExtendedLifetime(many) {}
        }
    }
}
