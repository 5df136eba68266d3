// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Tells the disk which blocks of a mounted volume are free, so that thin storage can take them back.
    ///
    /// - Returns: the bytes that the filesystem has reported to the disk.
    /// - Throws: ``StorageError/Code/failedPrecondition`` where the volume is not mounted;
    ///   ``StorageError/Code/unsupported`` where its disk or filesystem cannot.
    public func trimVolume(_ volume: VolumeID) async throws(StorageError) -> Int64 {
        try await perform(TrimVolume(volume: volume))
    }

    /// Holds all writes to a mounted volume and brings what is on the disk into a state without gaps, as for a snapshot.
    ///
    /// It thaws by itself when `limit` has passed, or this process ends: writers of the node would hang for as long as
    /// it is frozen. A volume that is frozen already is frozen for the new limit from now on.
    ///
    /// - Parameter limit: from one second to ten minutes.
    /// - Throws: ``StorageError/Code/invalidArgument`` for another limit; ``StorageError/Code/failedPrecondition`` where the volume is not mounted;
    ///   ``StorageError/Code/unsupported`` where its filesystem cannot be frozen;
    ///   ``StorageError/Code/busy`` where another program has frozen it.
    public func freezeVolume(_ volume: VolumeID, for limit: Duration) async throws(StorageError) {
        try await perform(FreezeVolume(volume: volume, limit: limit))
    }

    /// Ends a freeze. A volume that is not frozen is a success.
    ///
    /// - Returns: whether it was frozen until now; false where it has thawed by itself meanwhile, so that a snapshot may
    ///   have gaps.
    @discardableResult
    public func thawVolume(_ volume: VolumeID) async throws(StorageError) -> Bool {
        try await perform(ThawVolume(volume: volume))
    }
}

/// Work on volumes in use.
public protocol MaintenanceBackend: Sendable {
    func trimVolume(_ volume: VolumeID) async throws(StorageError) -> Int64
    func freezeVolume(_ volume: VolumeID, for limit: Duration) async throws(StorageError)
    func thawVolume(_ volume: VolumeID) async throws(StorageError) -> Bool
}

extension MaintenanceBackend {
    public func trimVolume(_ volume: VolumeID) async throws(StorageError) -> Int64 {
        throw StorageError(.unsupported, "this host trims no volumes")
    }

    public func freezeVolume(_ volume: VolumeID, for limit: Duration) async throws(StorageError) {
        throw StorageError(.unsupported, "this host freezes no volumes")
    }

    public func thawVolume(_ volume: VolumeID) async throws(StorageError) -> Bool {
        throw StorageError(.unsupported, "this host freezes no volumes")
    }
}

// MARK: - Operations

/// See ``StorageHost/trimVolume(_:)``.
public struct TrimVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID

    public init(volume: VolumeID) { self.volume = volume }

    public static var name: OperationName { .trimVolume }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .change(holding: .diskOf(volume)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Int64 {
        try await backend.trimVolume(volume)
    }
}

/// See ``StorageHost/freezeVolume(_:for:)``.
public struct FreezeVolume: HostOperation, ResolvedOperation {
    public typealias Answer = Void
    public var volume: VolumeID
    public var limit: Duration

    public init(volume: VolumeID, limit: Duration) {
        self.volume = volume
        self.limit = limit
    }

    public static var name: OperationName { .freezeVolume }
    public var subjects: [Subject] { [.volume(volume)] }
    public var effect: Effect { .unsharedChange(holding: .diskOf(volume)) }

    public func resolved(by resolver: OperationResolver) throws(StorageError) -> FreezeVolume {
        guard limit >= .seconds(1), limit <= .seconds(600) else {
            throw StorageError(.invalidArgument, "a volume is frozen for one second to ten minutes")
        }
        return self
    }

    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.freezeVolume(volume, for: limit)
    }
}

/// See ``StorageHost/thawVolume(_:)``.
public struct ThawVolume: HostOperation, ResolvedOperation {
    public var volume: VolumeID

    public init(volume: VolumeID) { self.volume = volume }

    public static var name: OperationName { .thawVolume }
    public var subjects: [Subject] { [.volume(volume)] }
    // Nothing is to keep a frozen volume from thawing.
    public var effect: Effect { .change(holding: [], joinable: false) }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.thawVolume(volume)
    }
}

extension OperationName {
    public static let trimVolume: OperationName = "trim volume"
    public static let freezeVolume: OperationName = "freeze volume"
    public static let thawVolume: OperationName = "thaw volume"
}
