// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Logging
import Testing

/// S8 and S10, seen through a whole host.
@Suite(.timeLimit(.minutes(20))) struct S8AndS10HostTests {
    private func host(timeout: Duration, ignoresCase: Bool = false) throws -> MemoryHost {
        var settings = HostSettings(
            paths: try PathPolicy(roots: ["/var/lib/kubelet"], ignoresCase: ignoresCase))
        settings.timeout = timeout
        return MemoryHost(settings: settings)
    }

    private func blankVolume(of host: MemoryHost) async throws -> (DiskNumber, VolumeID) {
        let disk = try host.backend.attachDisk(size: 1 << 30)
        try await host.partitionDisk(disk)
        return (disk, try #require(try await host.volumes(on: disk, partition: nil).first))
    }

    @Test func aHungFormatIsInTheWayOfItsOwnDiskAlone() async throws {
        let host = try host(timeout: .milliseconds(50))
        let (disk, volume) = try await blankVolume(of: host)
        let (otherDisk, other) = try await blankVolume(of: host)
        let hang = host.backend.hang(.formatVolume)
        async let format: Void = host.formatVolume(volume)
        await hang.reached()

        let inTheWay = "format volume \(volume) has been running for"
        await expectError(.aborted, "partition disk \(disk)", inTheWay) { try await host.partitionDisk(disk) }
        await expectError(.aborted, inTheWay) { try await host.setDiskState(disk, to: .offline) }
        await expectError(.aborted, inTheWay) { try await host.resizeVolume(volume, to: .maximum) }
        await expectError(.aborted, inTheWay) { try await host.flushVolume(volume) }
        await expectError(.aborted, inTheWay) { try await host.mountVolume(volume, at: "/var/lib/kubelet/x") }
        await expectError(.aborted, inTheWay) { try await host.unmountVolume(volume, from: "/var/lib/kubelet/x") }

        // Queries wait for no operation, and other disks are not affected.
        #expect(try await host.isVolumeFormatted(volume) == false)
        #expect(try await host.diskState(disk) == .online)
        try await host.setDiskState(otherDisk, to: .online)
        await expectError(.failedPrecondition) { try await host.resizeVolume(other, to: .maximum) }
        try await host.rescanDisks()
        try await host.makeDirectory("/var/lib/kubelet/x")

        hang.release()
        try await format
        #expect(try await host.isVolumeFormatted(volume))
    }

    /// Work that hangs does not end because it is cancelled: a program can sleep in the kernel.
    @Test func theCallerOfAQueryLeavesWorkThatHangs() async throws {
        let host = try host(timeout: .seconds(60))
        let (_, volume) = try await blankVolume(of: host)
        let hang = host.backend.hang(.isVolumeFormatted)
        let caller = Task { try await host.isVolumeFormatted(volume) }
        await hang.reached()
        caller.cancel()
        _ = try await finishing("its caller leaves") {
            await expectError(.cancelled, "the caller gave up") { _ = try await caller.value }
        }
        hang.release()
        #expect(try await !host.isVolumeFormatted(volume))
    }

    @Test func aHungMountIsInTheWayOfItsOwnPathAlone() async throws {
        let host = try host(timeout: .milliseconds(50))
        let (_, volume) = try await blankVolume(of: host)
        try await host.formatVolume(volume)
        try await host.makeDirectory("/var/lib/kubelet/x")
        let hang = host.backend.hang(.mountVolume)
        async let mount: Void = host.mountVolume(volume, at: "/var/lib/kubelet/x")
        await hang.reached()
        let inTheWay = "mount volume \(volume) at /var/lib/kubelet/x has been running for"
        await expectError(.aborted, inTheWay) { try await host.remove("/var/lib/kubelet/x", force: true) }
        await expectError(.aborted, inTheWay) { try await host.removeContents(of: "/var/lib/kubelet/x") }
        await expectError(.aborted, inTheWay) { try await host.makeDirectory(#"C:\var\lib\kubelet\x"#) }
        await expectError(.aborted, inTheWay) {
            try await host.createSymlink(at: "/var/lib/kubelet/x", to: "/var/lib/kubelet/y")
        }
        try await host.makeDirectory("/var/lib/kubelet/y")
        hang.release()
        try await mount
        #expect(try await host.volume(mountedAt: "/var/lib/kubelet/x") == volume)
    }

    /// Else two would find room for names that are the same.
    @Test func aShareIsInTheWayOfItsLinkInAnyCase() async throws {
        let host = try host(timeout: .milliseconds(50), ignoresCase: true)
        let remote = try SMBRemotePath(#"\\server\data"#)
        let hang = host.backend.hang(.mapShare)
        let map = Task { try await host.mapShare(remote, linkedAt: "/var/lib/kubelet/Link", as: nil) }
        await hang.reached()
        await expectError(.aborted, "map share") { try await host.makeDirectory("/var/lib/kubelet/LINK") }
        hang.release()
        _ = await map.result
    }

    @Test func whatACallerLeavesGoesOnToItsEnd() async throws {
        let host = try host(timeout: .seconds(60))
        let (disk, volume) = try await blankVolume(of: host)
        let hang = host.backend.hang(.formatVolume)
        let caller = Task { try await host.formatVolume(volume) }
        await hang.reached()
        caller.cancel()
        await expectError(.cancelled, "format volume \(volume)") { try await caller.value }
        #expect(host.operations.running.map(\.operation.description) == ["format volume \(volume)"])
        #expect(host.operations.running.map(\.callers) == [0])
        hang.release()
        // Comes after it, for it wants the same disk.
        try await host.setDiskState(disk, to: .online)
        #expect(try await host.isVolumeFormatted(volume))
        #expect(host.operations.running.isEmpty)
    }

    @Test func aRepeatedFormatJoinsTheOneUnderWay() async throws {
        let host = try host(timeout: .seconds(60))
        let (_, volume) = try await blankVolume(of: host)
        let hang = host.backend.hang(.formatVolume)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try await host.formatVolume(volume) } }
            await hang.reached()
            try await eventually("all eight wait for one format") { host.operations.running.first?.callers == 8 }
            hang.release()
            try await group.waitForAll()
        }
        #expect(hang.entered == 1)
    }

    /// A rescan finds disks that were attached before the call, a flush writes data that were written before it.
    @Test func rescansAndFlushesRunForEveryCaller() async throws {
        let host = try host(timeout: .seconds(60))
        let (_, volume) = try await blankVolume(of: host)
        let (rescan, flush) = (host.backend.hang(.rescanDisks), host.backend.hang(.flushVolume))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask { try await host.rescanDisks() }
                group.addTask { try await host.flushVolume(volume) }
            }
            await rescan.reached()
            await flush.reached()
            try await eventually("four calls wait for their turn") { host.operations.waiting.count >= 4 }
            rescan.release()
            flush.release()
            try await group.waitForAll()
        }
        #expect(rescan.entered == 3)
        #expect(flush.entered == 3)
    }

    @Test func anErrorSaysOfWhatItIsAndAChangeIsOneLineOfTheLog() async throws {
        let lines = Record<String>()
        let settings = HostSettings(paths: try PathPolicy(roots: ["/var/lib/kubelet"]))
        let backend = MemoryBackend(settings: settings)
        let host = LocalHost(
            backend: backend, settings: settings,
            logger: Logger(label: "test") { _ in LineRecorder(lines: lines) })
        try await host.makeDirectory("/var/lib/kubelet/x")
        _ = try await host.pathExists("/var/lib/kubelet/x")
        backend.fail(.remove, with: StorageError(.inputOutput, "bad sector"))
        let error = await expectError(.inputOutput) { try await host.remove("/var/lib/kubelet/x", force: true) }
        #expect(error?.description == "remove with force /var/lib/kubelet/x: bad sector")
        #expect(
            lines.all == [
                "info make directory /var/lib/kubelet/x caller,code,duration",
                "warning remove with force /var/lib/kubelet/x: bad sector caller,code,duration",
            ])
    }
}

/// Keeps lines of level info and above, with the names of their metadata.
private struct LineRecorder: LogHandler {
    let lines: Record<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let names = (event.metadata ?? [:]).keys.sorted().joined(separator: ",")
        lines.add("\(event.level) \(event.message) \(names)")
    }
}
