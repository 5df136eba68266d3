// SPDX-License-Identifier: Apache-2.0

// The disks of a host, where they are attached and what they call themselves.
//
// A disk is what an operator would call one: a SCSI, NVMe or virtio disk, a loop device with a backing file, a multipath
// map (not its paths). RAM disks, zram and empty loop devices are none.

extension StorageHost {
    /// Where each disk is attached. Disks without a SCSI address (NVMe, virtio, loop) are left out.
    public func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation] {
        try await perform(ListDiskLocations())
    }

    /// How each disk names itself. A disk that does not answer is left out and logged; it does not fail the call.
    public func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers] {
        try await perform(ListDiskIdentifiers())
    }

    /// Looks for disks that came, and for disks that grew, and waits a while until newly reported disks can be used.
    public func rescanDisks() async throws(StorageError) { try await perform(RescanDisks()) }

    /// The size of the disk in bytes.
    public func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64 {
        try await perform(SizeOfDisk(disk: disk))
    }

    /// The disk that names itself `page83`, compared exactly.
    ///
    /// - Throws: ``StorageError/Code/notFound`` for none, ``StorageError/Code/failedPrecondition`` for several.
    public func disk(page83: String) async throws(StorageError) -> DiskNumber {
        try ListDiskIdentifiers.disk(page83: page83, among: try await diskIdentifiers())
    }
}

/// The part of a backend for this group.
public protocol DiskBackend: Sendable {
    func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation]
    func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers]
    /// The identifiers of one disk. No other disk is asked.
    func diskIdentifiers(of disk: DiskNumber) async throws(StorageError) -> DiskIdentifiers
    func rescanDisks() async throws(StorageError)
    func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64
}

/// The SCSI address of a disk, each part in decimal: host, channel, target and LUN.
public struct DiskLocation: Sendable, Hashable, Codable {
    public var adapter: String
    public var bus: String
    public var target: String
    public var lun: String

    public init(adapter: String, bus: String, target: String, lun: String) {
        self.adapter = adapter
        self.bus = bus
        self.target = target
        self.lun = lun
    }
}

/// The names that a disk gives itself. Either may be empty.
public struct DiskIdentifiers: Sendable, Hashable, Codable {
    /// The first device-associated designator of vital product data page 83: binary ones in lower-case
    /// hexadecimal, text ones as they are (SPC-5, 7.7.6). Disks that have no such page give the
    /// world-wide name that stands in its place.
    public var page83: String
    /// The serial number as the disk reports it, blanks included.
    public var serialNumber: String

    public init(page83: String, serialNumber: String) {
        self.page83 = page83
        self.serialNumber = serialNumber
    }
}

// MARK: - Operations

public struct ListDiskLocations: HostOperation, ResolvedOperation {
    public typealias Answer = [DiskNumber: DiskLocation]

    public init() {}

    public static var name: OperationName { .diskLocations }
    public var subjects: [Subject] { [] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Answer {
        try await backend.diskLocations()
    }

    public static func subjects(of answer: Answer) -> [Subject] { answer.keys.map(Subject.disk) }
    public static func limit(_ answer: Answer, to permitted: Set<Subject>) -> Answer? {
        answer.filter { permitted.contains(.disk($0.key)) }
    }
}

public struct ListDiskIdentifiers: HostOperation, ResolvedOperation {
    public typealias Answer = [DiskNumber: DiskIdentifiers]

    public init() {}

    public static var name: OperationName { .diskIdentifiers }
    public var subjects: [Subject] { [] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Answer {
        try await backend.diskIdentifiers()
    }

    public static func subjects(of answer: Answer) -> [Subject] { answer.keys.map(Subject.disk) }
    public static func limit(_ answer: Answer, to permitted: Set<Subject>) -> Answer? {
        answer.filter { permitted.contains(.disk($0.key)) }
    }

    /// The one disk in an answer with this identifier.
    package static func disk(page83: String, among disks: Answer) throws(StorageError) -> DiskNumber {
        guard !page83.isEmpty else { throw StorageError(.invalidArgument, "the disk name is empty") }
        let named = disks.filter { $0.value.page83.isIdentical(to: page83) }.keys
        guard let disk = named.first else {
            throw StorageError(.notFound, "no disk names itself \"\(page83.excerpt)\"")
        }
        guard named.count == 1 else {
            throw StorageError(
                .failedPrecondition,
                "disks \(named.sorted().map(\.description).joined(separator: ", ")) all name themselves \"\(page83.excerpt)\""
            )
        }
        return disk
    }
}

/// The names of one disk, for the policy.
public struct IdentifiersOfDisk: HostOperation, ResolvedOperation {
    public typealias Answer = DiskIdentifiers
    public var disk: DiskNumber

    public init(disk: DiskNumber) { self.disk = disk }

    public static var name: OperationName { .identifiersOfDisk }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> DiskIdentifiers {
        try await backend.diskIdentifiers(of: disk)
    }
}

public struct RescanDisks: HostOperation, ResolvedOperation {
    public init() {}

    public static var name: OperationName { .rescanDisks }
    public var subjects: [Subject] { [] }
    public var effect: Effect { .unsharedChange(holding: .inventory) }
    public func run(on backend: some StorageBackend) async throws(StorageError) { try await backend.rescanDisks() }
}

public struct SizeOfDisk: HostOperation, ResolvedOperation {
    public var disk: DiskNumber

    public init(disk: DiskNumber) { self.disk = disk }

    public static var name: OperationName { .diskSize }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .read }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> Int64 {
        try await backend.diskSize(disk)
    }
}

extension OperationName {
    public static let diskLocations: OperationName = "list disk locations"
    public static let diskIdentifiers: OperationName = "list disks"
    public static let identifiersOfDisk: OperationName = "identify disk"
    public static let rescanDisks: OperationName = "rescan disks"
    public static let diskSize: OperationName = "size of disk"
}
