// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// What the simulated host does when it is told to.
@Suite(.timeLimit(.minutes(20))) struct FaultTests {
    let host: MemoryHost
    var backend: MemoryBackend { host.backend }
    let broken = StorageError(.inputOutput, "bad sector")

    init() throws { host = try MemoryHost() }

    @Test func aCallFailsAsOftenAsItIsToldTo() async throws {
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

    @Test(arguments: BackendCall.allCases) func everyCallCanFail(_ call: BackendCall) async throws {
        let volume = try VolumeID(guid: "00000001-0000-4000-8000-000000000001")
        try backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.xfs))]))
        let path = try host.settings.paths.resolve("/var/lib/kubelet/x")
        let remote = try SMBRemotePath(#"\\server\share"#)
        let service = try ServiceName("service")
        let portal = try ISCSIPortal(address: "target")
        let target = ISCSITarget(try ISCSIName("iqn.2001-04.com.example:x"), at: portal)
        let secret = try Secret("secret")
        backend.fail(call, with: broken)
        await expectError(.inputOutput, "bad sector") { [backend] in
            switch call {
            case .diskLocations: _ = try await backend.diskLocations()
            case .diskIdentifiers: _ = try await backend.diskIdentifiers()
            case .partitionDisk: try await backend.partitionDisk(DiskNumber(1))
            case .rescanDisks: try await backend.rescanDisks()
            case .diskSize: _ = try await backend.diskSize(DiskNumber(1))
            case .setDiskState: try await backend.setDiskState(DiskNumber(1), to: .online)
            case .diskState: _ = try await backend.diskState(DiskNumber(1))
            case .volumes: _ = try await backend.volumes(on: DiskNumber(1), partition: nil)
            case .mountVolume: try await backend.mountVolume(volume, at: path)
            case .unmountVolume: try await backend.unmountVolume(volume, from: path)
            case .isVolumeFormatted: _ = try await backend.isVolumeFormatted(volume)
            case .formatVolume: try await backend.formatVolume(volume)
            case .resizeVolume: try await backend.resizeVolume(volume, to: .maximum)
            case .volumeStats: _ = try await backend.volumeStats(volume)
            case .diskOfVolume: _ = try await backend.disk(of: volume)
            case .volumeMountedAt: _ = try await backend.volume(mountedAt: path)
            case .volumeClosestTo: _ = try await backend.volume(closestTo: path)
            case .flushVolume: try await backend.flushVolume(volume)
            case .pathExists: _ = try await backend.pathExists(path)
            case .makeDirectory: try await backend.makeDirectory(path)
            case .remove: try await backend.remove(path, force: true)
            case .removeContents: try await backend.removeContents(of: path)
            case .createSymlink: try await backend.createSymlink(at: path, to: path)
            case .isSymlink: _ = try await backend.isSymlink(path)
            case .mapShare: try await backend.mapShare(remote, linkedAt: nil, as: nil)
            case .unmapShare: try await backend.unmapShare(remote)
            case .biosSerialNumber: _ = try await backend.biosSerialNumber()
            case .service: _ = try await backend.service(service)
            case .startService: try await backend.startService(service)
            case .stopService: try await backend.stopService(service, force: true)
            case .addPortal: try await backend.addPortal(portal)
            case .portals: _ = try await backend.portals()
            case .removePortal: try await backend.removePortal(portal)
            case .discoverTargets: _ = try await backend.discoverTargets(at: portal)
            case .connectTarget: try await backend.connectTarget(target, as: .none)
            case .disconnectTarget: try await backend.disconnectTarget(target)
            case .disksOfTarget: _ = try await backend.disks(of: target)
            case .setMutualCHAPSecret: try await backend.setMutualCHAPSecret(secret)
            }
        }
    }

    @Test func aHungCallDoesItsWorkWhenItIsReleasedWhoeverHasLeft() async throws {
        let path = try host.settings.paths.resolve("/var/lib/kubelet/x")
        let hang = backend.hang(.makeDirectory)
        // On the backend itself, where no registry shields the call from its caller's cancellation.
        let caller = Task { [backend] in try await backend.makeDirectory(path) }
        await hang.reached()
        caller.cancel()
        #expect(try await !backend.pathExists(path))
        hang.release()
        try await caller.value
        #expect(try await backend.pathExists(path))
        #expect(hang.entered == 1)
        try await backend.makeDirectory(path)
        #expect(hang.entered == 2, "who comes after the release passes")
    }

    @Test func aDelayIsNotCutShort() async throws {
        let path = try host.settings.paths.resolve("/var/lib/kubelet/x")
        backend.delay(.makeDirectory, by: .milliseconds(100))
        let clock = ContinuousClock()
        let began = clock.now
        let caller = Task { [backend] in try await backend.makeDirectory(path) }
        caller.cancel()
        try await caller.value
        // A busy machine can only make it longer.
        #expect(began.duration(to: clock.now) >= .milliseconds(100))
    }

    @Test func hangsAndFailuresOfOneCallComeTogether() async throws {
        let hang = backend.hang(.rescanDisks)
        backend.fail(.rescanDisks, with: broken)
        let caller = Task { [backend] in try await backend.rescanDisks() }
        await hang.reached()
        hang.release()
        await expectError(.inputOutput) { try await caller.value }
        backend.clearFaults()
        try await backend.rescanDisks()
        #expect(hang.entered == 1)
    }
}
