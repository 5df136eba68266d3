// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Logging
import LoopDisks
import Testing

@testable import HostStorageLinux

/// A linked host with a root of its own.
struct LinkedHost {
    let scratch: ScratchDirectory
    let host: LinuxHost

    /// - Parameters:
    ///   - roots: below the scratch directory.
    ///   - systemBus: the D-Bus address of a systemd; there is none unless given.
    ///   - timeout: with operations in the way.
    ///   - earlier: one whose files it finds.
    ///   - silence: how long a disk without an earlier answer may take to answer.
    ///   - jobTimeout: with systemd, that is to start or stop a service.
    init(
        _ filesystem: FilesystemKind = .ext4, roots: [String] = ["kubelet"], ignoresCase: Bool = false,
        systemBus: String = "unix:path=/nowhere", resolution: Resolution = .available,
        timeout: Duration = .seconds(60), silence: Duration = .seconds(10), jobTimeout: Duration = .seconds(120),
        restarting earlier: LinkedHost? = nil,
        set: (inout HostSettings) throws -> Void = { _ in }
    ) throws {
        let scratch = try earlier?.scratch ?? ScratchDirectory()
        self.scratch = scratch
        var settings = HostSettings(
            paths: try PathPolicy(roots: roots.map { "\(scratch.path)/\($0)" }, ignoresCase: ignoresCase))
        settings.filesystem = filesystem
        settings.timeout = timeout
        try set(&settings)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        host = LocalHost(
            backend: try LinuxBackend(
                settings: settings, stateDirectory: "\(scratch.path)/state", systemBus: systemBus,
                resolution: resolution, timeout: silence, jobTimeout: jobTimeout, logger: logger),
            settings: settings, logger: logger)
    }

    func path(_ name: String) -> String { "\(scratch.path)/kubelet/\(name)" }

    /// A directory beside the roots, which no call must reach.
    var outside: String { "\(scratch.path)/outside" }

    /// A partitioned disk's only volume.
    func volume(on disk: LoopDisk) async throws -> VolumeID { try await volume(on: try disk.number) }

    func volume(on disk: DiskNumber) async throws -> VolumeID {
        try await host.partitionDisk(disk)
        return try #require(try await host.volumes(on: disk, partition: nil).first)
    }

    /// The only volume of each disk, with a filesystem.
    func formattedVolumes(on disks: [LoopDisk]) async throws -> [VolumeID] {
        var volumes: [VolumeID] = []
        for disk in disks {
            volumes.append(try await volume(on: disk))
            try await host.formatVolume(volumes[volumes.count - 1])
        }
        return volumes
    }

    // MARK: - Operations under way

    /// Waits until an operation of that description is under way.
    func running(_ description: String) async throws {
        try await eventually("\(description) is under way") {
            host.operations.running.contains { $0.operation.description == description }
        }
    }

    func nothingIsRunning() async throws {
        try await eventually("no operation is under way") { host.operations.running.isEmpty }
    }

    /// Waits until the queue of a disk has been at one job for so long.
    func isAtWork(on disk: LoopDisk, for duration: Duration) async throws {
        try await eventually("\(disk.name) has been at one job for \(duration)") {
            host.backend.queues.timeAtWork(in: .disk(name: disk.name)) >= duration
        }
    }
}
