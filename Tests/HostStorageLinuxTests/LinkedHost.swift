// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging
import LoopDisks
import Testing

@testable import HostStorageLinux

/// A linked host with a root of its own.
struct LinkedHost {
    let scratch: ScratchDirectory
    let host: Host<LinuxBackend>

    init(
        _ filesystem: FilesystemKind = .ext4, systemBus: String = "unix:path=/nowhere",
        set: (inout HostSettings) throws -> Void = { _ in }
    ) throws {
        scratch = try ScratchDirectory()
        var settings = HostSettings(paths: try PathPolicy(roots: ["\(scratch.path)/kubelet"]))
        settings.filesystem = filesystem
        try set(&settings)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        host = Host(
            backend: try LinuxBackend(
                settings: settings, stateDirectory: "\(scratch.path)/state", systemBus: systemBus, logger: logger),
            settings: settings, logger: logger)
    }

    func path(_ name: String) -> String { "\(scratch.path)/kubelet/\(name)" }

    /// A partitioned disk's only volume.
    func volume(on disk: LoopDisk) async throws -> VolumeID { try await volume(on: try disk.number) }

    func volume(on disk: DiskNumber) async throws -> VolumeID {
        try await host.partitionDisk(disk)
        return try #require(try await host.volumes(on: disk, partition: nil).first)
    }
}
