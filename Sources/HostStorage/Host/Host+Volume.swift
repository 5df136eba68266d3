// SPDX-License-Identifier: Apache-2.0

extension Host {
    public func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        guard partition?.rawValue != 0 else {
            throw StorageError(.invalidArgument, "partitions are numbered from 1", operation: "list volumes on disk")
        }
        return try await ask("list volumes on disk", "\(disk)") { backend throws(StorageError) in
            try await backend.volumes(on: disk, partition: partition)
        }
    }

    public func mountVolume(_ volume: VolumeID, at path: String) async throws(StorageError) {
        let path = try resolve(path, driveless: .onDriveC, for: "mount volume")
        guard !path.isRoot else { throw Self.rootIsNoMountPoint(path).during("mount volume") }
        // An operation can begin in the task of another call, whose values are not this one's.
        let use = SystemDiskUse.current
        try await change(
            "mount volume", on: volume, "at \(path)", holding: key(of: path), isShared: use == nil
        ) { backend throws(StorageError) in
            let outcome = await SystemDiskUse.$current.withValue(use) { () async -> Result<Void, StorageError> in
                do throws(StorageError) {
                    try await backend.mountVolume(volume, at: path)
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            try outcome.get()
        }
    }

    @discardableResult
    public func unmountVolume(
        _ volume: VolumeID, from path: String
    ) async throws(StorageError) -> UnmountOutcome {
        let path = try resolve(path, driveless: .onDriveC, for: "unmount volume")
        guard !path.isRoot else { throw Self.rootIsNoMountPoint(path).during("unmount volume") }
        // A volume whose disk is gone, or does not answer, has a mount all the same.
        var keys: Set<LockKey> = [key(of: path)]
        if let disk = try? await backend.disk(of: volume) { keys.insert(.disk(disk)) }
        let outcome = try await change("unmount volume", "\(volume) from \(path)", keys: keys) {
            backend throws(StorageError) in
            try await backend.unmountVolume(volume, from: path)
        }
        guard case .stillHeld(let holders) = outcome else { return outcome }
        return .stillHeld(by: holders.map { $0.told(by: settings.paths) })
    }

    public func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await ask("probe volume", "\(volume)") { backend throws(StorageError) in
            try await backend.isVolumeFormatted(volume)
        }
    }

    public func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError) {
        let subject = signature.map { "over \($0)" } ?? ""
        try await change("format volume", on: volume, subject) { backend throws(StorageError) in
            try await backend.formatVolume(volume, over: signature)
        }
    }

    public func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError) {
        if case .bytes(let bytes) = size, bytes <= 0 {
            throw StorageError(
                .invalidArgument, "a volume cannot become \(bytes) bytes", operation: "resize volume",
                subject: "\(volume)")
        }
        let subject =
            switch size {
            case .maximum: "to its maximum"
            case .bytes(let bytes): "to \(bytes) bytes"
            }
        try await change("resize volume", on: volume, subject) { backend throws(StorageError) in
            try await backend.resizeVolume(volume, to: size)
        }
    }

    public func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        try await ask("statistics of volume", "\(volume)") { backend throws(StorageError) in
            try await backend.volumeStats(volume)
        }
    }

    public func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        try await ask("disk of volume", "\(volume)") { backend throws(StorageError) in
            try await backend.disk(of: volume)
        }
    }

    public func volume(mountedAt path: String) async throws(StorageError) -> VolumeID {
        let path = try resolve(path, driveless: .onDriveC, for: "volume mounted at")
        return try await ask("volume mounted at", "\(path)") { backend throws(StorageError) in
            try await backend.volume(mountedAt: path)
        }
    }

    public func volume(closestTo path: String) async throws(StorageError) -> VolumeID {
        let path = try resolve(path, driveless: .onDriveC, for: "volume closest to")
        return try await ask("volume closest to", "\(path)") { backend throws(StorageError) in
            try await backend.volume(closestTo: path)
        }
    }

    public func flushVolume(_ volume: VolumeID) async throws(StorageError) {
        try await change("flush volume", on: volume, isShared: false) { backend throws(StorageError) in
            try await backend.flushVolume(volume)
        }
    }

    /// A change to a volume holds its whole disk: partitions share a table, and a disk goes offline as one.
    private func change<Answer: Sendable>(
        _ name: String, on volume: VolumeID, _ rest: String = "", holding key: LockKey? = nil,
        isShared: Bool = true,
        _ body: @escaping @Sendable (Backend) async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let subject = rest.isEmpty ? "\(volume)" : "\(volume) \(rest)"
        let disk = try await ask(name, subject) { backend throws(StorageError) in try await backend.disk(of: volume) }
        var keys: Set<LockKey> = [.disk(disk)]
        if let key { keys.insert(key) }
        return try await change(name, subject, keys: keys, isShared: isShared, body)
    }

    private static func rootIsNoMountPoint(_ path: HostPath) -> StorageError {
        StorageError(.denied, "a working directory itself is no mount point", subject: "\(path)")
    }
}
