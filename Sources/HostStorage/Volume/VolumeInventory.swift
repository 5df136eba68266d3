// SPDX-License-Identifier: Apache-2.0

// A volume is a partition that is not reserved, or a whole disk with a filesystem directly on it.

extension StorageHost {
    /// The volumes of a disk in the order of its partition table: all of them, or the one of `partition`.
    /// A disk without a table has none.
    public func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID] {
        try await perform(ListVolumes(disk: disk, partition: partition))
    }

    public func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber {
        try await perform(DiskOfVolume(volume: volume))
    }

    /// The filesystem's size and use, from the filesystem itself, mounted or not.
    public func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats {
        try await perform(StatsOfVolume(volume: volume))
    }

    /// Writes the volume's cached data to its disk.
    public func flushVolume(_ volume: VolumeID) async throws(StorageError) {
        try await perform(FlushVolume(volume: volume))
    }
}

public protocol VolumeBackend: Sendable {
    func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID]
    func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber
    /// The disk that carried the volume when it was last looked for, if that is still there; otherwise it is looked
    /// for. The operation that then works on the volume verifies it, or fails.
    func lastDisk(of volume: VolumeID) async throws(StorageError) -> DiskNumber
    func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats
    func flushVolume(_ volume: VolumeID) async throws(StorageError)
}

extension VolumeBackend {
    public func lastDisk(of volume: VolumeID) async throws(StorageError) -> DiskNumber { try await disk(of: volume) }
}

/// The size of a filesystem in bytes.
public struct VolumeStats: Sendable, Hashable, Codable {
    /// The whole filesystem, its own tables and journal included.
    public var totalBytes: Int64
    /// The part that is not free: data, tables and journal.
    public var usedBytes: Int64

    public init(totalBytes: Int64, usedBytes: Int64) {
        self.totalBytes = totalBytes
        self.usedBytes = usedBytes
    }
}

// MARK: - Operations

public struct ListVolumes: HostOperation, ResolvedOperation {
    public var disk: DiskNumber
    /// Nil for all.
    public var partition: PartitionNumber?

    public init(disk: DiskNumber, partition: PartitionNumber? = nil) {
        self.disk = disk
        self.partition = partition
    }

    public static var name: OperationName { .volumes }
    public func resolved(by resolver: OperationResolver) throws(StorageError) -> ListVolumes {
        guard partition?.rawValue != 0 else { throw StorageError(.invalidArgument, "partitions are numbered from 1") }
        return self
    }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> [VolumeID] {
        try await backend.volumes(on: disk, partition: partition)
    }
}

public struct DiskOfVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID

    public init(volume: VolumeID) { self.volume = volume }

    public static var name: OperationName { .diskOfVolume }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> DiskNumber {
        try await backend.disk(of: volume)
    }
}

/// The disk that an operation on the volume is going to work on, for its locks and the policy.
public struct LastDiskOfVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID

    public init(volume: VolumeID) { self.volume = volume }

    public static var name: OperationName { .diskOfVolume }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> DiskNumber {
        try await backend.lastDisk(of: volume)
    }
}

public struct StatsOfVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID

    public init(volume: VolumeID) { self.volume = volume }

    public static var name: OperationName { .volumeStats }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> VolumeStats {
        try await backend.volumeStats(volume)
    }
}

public struct FlushVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID

    public init(volume: VolumeID) { self.volume = volume }

    public static var name: OperationName { .flushVolume }
    public var subjects: [Subject] { [.volume(volume)] }
    // Its caller may have written a moment ago.
    public var effect: Effect { .unsharedChange(holding: .diskOf(volume)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.flushVolume(volume)
    }
}

extension OperationName {
    public static let volumes: OperationName = "list volumes on disk"
    public static let diskOfVolume: OperationName = "disk of volume"
    public static let volumeStats: OperationName = "statistics of volume"
    public static let flushVolume: OperationName = "flush volume"
}
