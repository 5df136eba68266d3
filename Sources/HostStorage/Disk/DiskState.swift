// SPDX-License-Identifier: Apache-2.0

/// Whether a disk is in service; see ``StorageHost/setDiskState(_:to:)``.
@nonexhaustive public enum DiskState: String, Sendable, Hashable, Codable {
    case online, offline
}

extension StorageHost {
    /// Whether the disk is in service: not since it was set offline in this boot of the machine, nor while the kernel has
    /// taken it out of use (SCSI).
    ///
    /// - Throws: ``StorageError/Code/notFound`` for a disk that is not there.
    public func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState {
        try await perform(StateOfDisk(disk: disk))
    }

    /// Takes the disk into or out of service. A disk that is offline keeps its identity and can be
    /// partitioned, but none of its volumes can be mounted, formatted or resized. Setting the state that
    /// a disk already has succeeds; a disk with a mounted volume cannot go offline
    /// (``StorageError/Code/busy``).
    public func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError) {
        try await perform(SetDiskState(disk: disk, state: state))
    }

    /// Whether the kernel refuses to write to the disk: it reports write protection, or was made read-only.
    ///
    /// - Throws: ``StorageError/Code/notFound`` for a disk that is not there.
    public func isDiskReadOnly(_ disk: DiskNumber) async throws(StorageError) -> Bool {
        try await perform(IsDiskReadOnly(disk: disk))
    }

    /// Has the kernel refuse all writes to the disk and its partitions, or take them again, until the disk is detached.
    /// Setting what the disk has already succeeds.
    ///
    /// - Throws: ``StorageError/Code/notFound`` for a disk that is not there; ``StorageError/Code/denied`` for one that
    ///   carries the running system; ``StorageError/Code/busy`` with the holders
    ///   for a disk that is to become read-only and is mounted, stacked upon or open for writing, for their writes would
    ///   be lost; ``StorageError/Code/failedPrecondition`` for a disk that is write-protected in hardware.
    public func setDiskReadOnly(_ disk: DiskNumber, to isReadOnly: Bool) async throws(StorageError) {
        try await perform(SetDiskReadOnly(disk: disk, isReadOnly: isReadOnly))
    }
}

public protocol DiskStateBackend: Sendable {
    func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState
    func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError)
    func isDiskReadOnly(_ disk: DiskNumber) async throws(StorageError) -> Bool
    func setDiskReadOnly(_ disk: DiskNumber, to isReadOnly: Bool) async throws(StorageError)
}

extension DiskStateBackend {
    public func isDiskReadOnly(_ disk: DiskNumber) async throws(StorageError) -> Bool {
        throw StorageError(.unsupported, "this host cannot determine it")
    }

    public func setDiskReadOnly(_ disk: DiskNumber, to isReadOnly: Bool) async throws(StorageError) {
        throw StorageError(.unsupported, "this host cannot write-protect a disk")
    }
}

// MARK: - Operations

public struct StateOfDisk: HostOperation, ResolvedOperation {
    public var disk: DiskNumber

    public init(disk: DiskNumber) { self.disk = disk }

    public static var name: OperationName { .diskState }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> DiskState {
        try await backend.diskState(disk)
    }
}

public struct SetDiskState: HostOperation, ResolvedOperation {
    public var disk: DiskNumber
    public var state: DiskState

    public init(disk: DiskNumber, state: DiskState) {
        self.disk = disk
        self.state = state
    }

    public static var name: OperationName { .setDiskState }
    public var phrase: String { "set \(state.rawValue) disk" }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .change(holding: .disk(disk)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.setDiskState(disk, to: state)
    }
}

public struct IsDiskReadOnly: HostOperation, ResolvedOperation {
    public var disk: DiskNumber

    public init(disk: DiskNumber) { self.disk = disk }

    public static var name: OperationName { .isDiskReadOnly }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Bool {
        try await backend.isDiskReadOnly(disk)
    }
}

/// See ``StorageHost/setDiskReadOnly(_:to:)``.
public struct SetDiskReadOnly: HostOperation, ResolvedOperation {
    public var disk: DiskNumber
    public var isReadOnly: Bool

    public init(disk: DiskNumber, isReadOnly: Bool) {
        self.disk = disk
        self.isReadOnly = isReadOnly
    }

    public static var name: OperationName { .setDiskReadOnly }
    public var phrase: String { isReadOnly ? "write-protect disk" : "take write protection off disk" }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .change(holding: .disk(disk)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.setDiskReadOnly(disk, to: isReadOnly)
    }
}

extension OperationName {
    public static let setDiskReadOnly: OperationName = "set write protection of disk"
    public static let isDiskReadOnly: OperationName = "look up write protection of disk"
    public static let diskState: OperationName = "state of disk"
    public static let setDiskState: OperationName = "set disk state"
}
