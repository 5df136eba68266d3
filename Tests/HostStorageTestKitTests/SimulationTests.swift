// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// Controls of the simulated host that no rig has for a real one. Behaviour that both share is in the conformance
/// scenarios.
@Suite struct SimulationTests {
    let host: MemoryHost
    var backend: MemoryBackend { host.backend }

    init() throws { host = try MemoryHost(roots: ["/var/lib/kubelet", "/srv"]) }

    @Test func disksAreCountedFromOneAndNoNumberComesTwice() async throws {
        let first = try backend.attachDisk(size: 1 << 30)
        backend.detachDisk(first)
        let second = try backend.attachDisk(
            size: 1 << 30, identifiers: DiskIdentifiers(page83: "naa.5", serialNumber: " 7 "),
            location: DiskLocation(adapter: "2", bus: "0", target: "1", lun: "3"))
        #expect((first, second) == (DiskNumber(1), DiskNumber(2)))
        #expect(try await host.diskIdentifiers() == [second: DiskIdentifiers(page83: "naa.5", serialNumber: " 7 ")])
        #expect(
            try await host.diskLocations() == [second: DiskLocation(adapter: "2", bus: "0", target: "1", lun: "3")])
        await expectError(.notFound) { try await host.diskSize(first) }
    }

    @Test func aDiskIsReadOnlyOnceItIsWriteProtected() async throws {
        let disk = try backend.attachDisk(size: 1 << 30)
        #expect(try await !host.isDiskReadOnly(disk))
        try backend.writeProtect(disk)
        #expect(try await host.isDiskReadOnly(disk))
    }

    @Test func aSilentDiskIsLeftOutAndFailsEveryQuery() async throws {
        let disk = try backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]))
        let other = try backend.attachDisk(size: 1 << 30)
        let volume = try #require(try await host.volumes(on: disk, partition: nil).first)
        try await host.makeDirectory("/srv/x")
        backend.setAnswering(disk, false)
        #expect(try await Array(host.diskIdentifiers().keys) == [other])
        await expectError(.inputOutput) { try await host.diskSize(disk) }
        await expectError(.inputOutput) { try await host.diskState(disk) }
        await expectError(.inputOutput) { try await host.setDiskState(disk, to: .offline) }
        await expectError(.inputOutput) { try await host.partitionDisk(disk) }
        await expectError(.inputOutput) { try await host.volumes(on: disk, partition: nil) }
        await expectError(.inputOutput) { try await host.isVolumeFormatted(volume) }
        await expectError(.inputOutput) { try await host.mountVolume(volume, at: "/srv/x") }
        await expectError(.inputOutput) { try await host.volumeStats(volume) }
        try await host.rescanDisks()
        backend.setAnswering(disk, true)
        try await host.mountVolume(volume, at: "/srv/x")
        #expect(backend.mounts == ["/srv/x": volume])
    }

    @Test func aDiskThatIsTornOutLeavesItsMountBehind() async throws {
        let disk = try backend.attachDisk(size: 1 << 30, content: .filesystem(.xfs))
        let volume = try #require(try await host.volumes(on: disk, partition: nil).first)
        try await host.makeDirectory("/srv/x")
        try await host.mountVolume(volume, at: "/srv/x")
        backend.detachDisk(disk)
        // The mount is found by the volume's ID, though no disk has that volume any more.
        try await host.unmountVolume(volume, from: "/srv/x")
        #expect(backend.mounts.isEmpty)
        await expectError(.notFound) { try await host.unmountVolume(volume, from: "/srv/x") }
    }

    @Test func theDiskOfTheRunningSystemIsRefused() async throws {
        let disk = try backend.attachDisk(
            size: 1 << 30,
            content: .gpt([PartitionContent(.filesystem(.ext4)), PartitionContent(size: 1 << 20)].reversed()),
            carriesSystem: true)
        let volumes = try await host.volumes(on: disk, partition: nil)
        let before = backend.content(of: disk)
        await expectError(.denied, "running system") { try await host.partitionDisk(disk) }
        await expectError(.denied, "running system") { try await host.setDiskState(disk, to: .offline) }
        for volume in volumes { await expectError(.denied) { try await host.formatVolume(volume) } }
        #expect(backend.content(of: disk) == before)
        #expect(try await host.diskState(disk) == .online)
        // Directories without a mount of their own are on it.
        await expectError(.denied, "running system") { try await host.volume(closestTo: "/srv") }
        try await host.makeDirectory("/srv/x")
        await expectError(.denied, "running system") { try await host.mountVolume(volumes[1], at: "/srv/x") }
        // Unless the caller names the disk for it.
        try await SystemDiskUse.$current.withValue(SystemDiskUse { _ in true }) {
            #expect(try await host.volume(closestTo: "/srv") == volumes.first)
            try await host.mountVolume(volumes[1], at: "/srv/x")
        }
    }

    @Test func whatIsOnADiskIsLaidOutAsItIsSaid() async throws {
        let partitions = [
            .reserved(), PartitionContent(.filesystem(.ext4), size: 200 << 20),
            PartitionContent(.random, size: 100 << 20),
            PartitionContent(.blank),
        ]
        let disk = try backend.attachDisk(size: 1 << 30, content: .gpt(partitions))
        guard case .gpt(let found)? = backend.content(of: disk) else {
            Issue.record("no table")
            return
        }
        #expect(found.dropLast() == partitions.dropLast())
        #expect(found.map { $0.size ?? 0 }.reduce(0, +) == 1022 << 20, "a mebibyte for the table and one for its copy")
        #expect(try await host.volumes(on: disk, partition: nil).count == 3)
        #expect(try await host.volumes(on: disk, partition: PartitionNumber(1)).isEmpty)
        let second = try #require(try await host.volumes(on: disk, partition: PartitionNumber(2)).first)
        #expect(try await host.isVolumeFormatted(second))
        // There is a neighbour in the way, and it cannot grow a byte.
        try await host.resizeVolume(second, to: .maximum)
        #expect(try await host.volumeStats(second).totalBytes == 200 << 20)
        expectError(.failedPrecondition, "no room") {
            try backend.attachDisk(size: 64 << 20, content: .mbr([PartitionContent(size: 64 << 20)]))
        }
    }

    @Test func useGrowsWithTheFilesAndIsSharedByAllMountsOfAVolume() async throws {
        let disk = try backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]))
        let volume = try #require(try await host.volumes(on: disk, partition: nil).first)
        for place in ["/srv/a", "/srv/b"] {
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
        }
        let before = try await host.volumeStats(volume).usedBytes
        try backend.writeFile(Array(repeating: 7, count: 5000), at: "/srv/a/data")
        #expect(try await host.volumeStats(volume).usedBytes == before + 5000)
        #expect(try backend.readFile(at: #"C:\srv\b\data"#).count == 5000)
        try await host.unmountVolume(volume, from: "/srv/a")
        expectError(.notFound) { try backend.readFile(at: "/srv/a/data") }
        #expect(try backend.readFile(at: "/srv/b/data").count == 5000)
        try backend.putLink(to: "b/data", at: "/srv/link")
        #expect(try backend.readFile(at: "/srv/link").count == 5000)
        expectError(.failedPrecondition) { try backend.writeFile([], at: "/srv/a") }
        expectError(.denied) { try backend.writeFile([], at: "/etc/passwd") }
    }

    @Test func namesAreBytes() async throws {
        try await host.makeDirectory("/srv/\u{E9}")
        #expect(try await !host.pathExists("/srv/e\u{301}"))
        try await host.makeDirectory("/srv/e\u{301}")
        try await host.remove("/srv/\u{E9}", force: true)
        #expect(try await host.pathExists("/srv/e\u{301}"))
        let marked = try MemoryHost(roots: ["/srv/\u{301}x"])
        #expect(try await marked.pathExists("/srv/\u{301}x"))
    }
}
