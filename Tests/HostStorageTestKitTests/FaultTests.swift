// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// The faults that a test can set on the simulated host.
@Suite(.timeLimit(.minutes(20))) struct FaultTests {
    let host: MemoryHost
    var backend: MemoryBackend { host.backend }
    let broken = StorageError(.inputOutput, "bad sector")

    init() throws { host = try MemoryHost() }

    @Test func aCallFailsAsOftenAsItIsSetTo() async throws {
        let disk = try backend.attachDisk(size: 1 << 30)
        backend.fail(.partitionDisk, with: broken, times: 2)
        backend.fail(.partitionDisk, with: broken, times: 0)
        for _ in 0..<2 { await expectError(.inputOutput, "bad sector") { try await host.partitionDisk(disk) } }
        #expect(backend.content(of: disk) == .blank, "it failed before it did anything")
        try await host.partitionDisk(disk)

        backend.fail(.diskSize, with: broken)
        for _ in 0..<3 { await expectError(.inputOutput) { try await host.diskSize(disk) } }
        backend.clearFaults(.diskSize)
        #expect(try await host.diskSize(disk) == 1 << 30)
    }

    @Test func failuresOfOneCallComeInTheOrderTheyWereSetUp() async throws {
        backend.fail(.rescanDisks, with: StorageError(.unavailable, "first"), times: 1)
        backend.fail(.rescanDisks, with: StorageError(.inputOutput, "second"), times: 1)
        await expectError(.unavailable, "first") { try await host.rescanDisks() }
        await expectError(.inputOutput, "second") { try await host.rescanDisks() }
        try await host.rescanDisks()
    }

    @Test func everyOperationCanFail() async throws {
        let volume = try VolumeID(guid: "00000001-0000-4000-8000-000000000001")
        let disk = try backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.xfs))]))
        let path = try host.settings.paths.resolve("/var/lib/kubelet/x")
        let remote = try SMBRemotePath(#"\\server\share"#)
        let service = try ServiceName("service")
        let portal = try ISCSIPortal(address: "target")
        let target = ISCSITarget(try ISCSIName("iqn.2001-04.com.example:x"), at: portal)
        let operations: [any ResolvedOperation] = [
            ListDiskLocations(), ListDiskIdentifiers(), IdentifiersOfDisk(disk: disk), LastDiskOfVolume(volume: volume),
            PartitionDisk(disk: disk),
            RescanDisks(), SizeOfDisk(disk: disk), SetDiskState(disk: disk, state: .online), StateOfDisk(disk: disk),
            ListVolumes(disk: disk), MountVolume(volume: volume, target: path),
            UnmountVolume(volume: volume, target: path), IsVolumeFormatted(volume: volume),
            FormatVolume(volume: volume), ResizeVolume(volume: volume, size: .maximum), StatsOfVolume(volume: volume),
            DiskOfVolume(volume: volume), VolumeMountedAt(path: path), VolumeClosestTo(path: path),
            FlushVolume(volume: volume), PathExists(path: path), MakeDirectory(path: path),
            Remove(path: path, force: true), RemoveContents(path: path), CreateSymlink(link: path, target: path),
            IsSymlink(path: path), MapShare<HostPath>(remote: remote, link: nil, credentials: nil),
            UnmapShare(remote: remote), BIOSSerialNumber(), LookUpService(service: service),
            ServicesChanged(service: service, dependents: true), StartService(service: service),
            StopService(service: service, force: true), AddPortal(portal: portal), ListPortals(),
            RemovePortal(portal: portal), DiscoverTargets(portal: portal),
            ConnectTarget(target: target, authentication: .none), DisconnectTarget(target: target),
            DisksOfTarget(target: target), SetMutualCHAPSecret(secret: try Secret("secret")),
        ]
        func expectFailure(of operation: some ResolvedOperation) async {
            backend.fail(type(of: operation).name, with: broken)
            await expectError(.inputOutput, "bad sector") { _ = try await backend.perform(operation) }
        }
        for operation in operations { await expectFailure(of: operation) }
    }

    @Test func aHungCallDoesItsWorkWhenReleasedAlsoWithoutItsCaller() async throws {
        let path = try host.settings.paths.resolve("/var/lib/kubelet/x")
        let hang = backend.hang(.makeDirectory)
        // On the backend itself, where no registry shields the call from its caller's cancellation.
        let caller = Task { [backend] in try await backend.perform(MakeDirectory(path: path)) }
        await hang.reached()
        caller.cancel()
        #expect(try !backend.pathExists(path))
        hang.release()
        try await caller.value
        #expect(try backend.pathExists(path))
        #expect(hang.entered == 1)
        try await backend.perform(MakeDirectory(path: path))
        #expect(hang.entered == 2, "a call after the release passes")
    }

    @Test func aDelayIsNotCutShort() async throws {
        let path = try host.settings.paths.resolve("/var/lib/kubelet/x")
        backend.delay(.makeDirectory, by: .milliseconds(100))
        let clock = ContinuousClock()
        let began = clock.now
        let caller = Task { [backend] in try await backend.perform(MakeDirectory(path: path)) }
        caller.cancel()
        try await caller.value
        // A busy machine can only make it longer.
        #expect(began.duration(to: clock.now) >= .milliseconds(100))
    }

    @Test func hangsAndFailuresOfOneCallComeTogether() async throws {
        let hang = backend.hang(.rescanDisks)
        backend.fail(.rescanDisks, with: broken)
        let caller = Task { [backend] in try await backend.perform(RescanDisks()) }
        await hang.reached()
        hang.release()
        await expectError(.inputOutput) { try await caller.value }
        backend.clearFaults()
        try await backend.perform(RescanDisks())
        #expect(hang.entered == 1)
    }
}
