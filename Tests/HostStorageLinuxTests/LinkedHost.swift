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

    /// - Parameter roots: below the scratch directory.
    init(
        _ filesystem: FilesystemKind = .ext4, roots: [String] = ["kubelet"], ignoresCase: Bool = false,
        resolution: Resolution = .available
    ) throws {
        let scratch = try ScratchDirectory()
        self.scratch = scratch
        var settings = HostSettings(
            paths: try PathPolicy(roots: roots.map { "\(scratch.path)/\($0)" }, ignoresCase: ignoresCase))
        settings.filesystem = filesystem
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        host = Host(
            backend: try LinuxBackend(
                settings: settings, stateDirectory: "\(scratch.path)/state", resolution: resolution, logger: logger),
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
}
