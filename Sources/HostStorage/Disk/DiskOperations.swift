// SPDX-License-Identifier: Apache-2.0

/// What can be done with the disks of a host.
///
/// A disk is what an operator would call one: a SCSI, NVMe or virtio disk, a loop device with a backing
/// file, a multipath map (not its paths). RAM disks, zram and empty loop devices are none.
public protocol DiskOperations: Sendable {
    /// Where each disk is attached. Disks without a SCSI address (NVMe, virtio, loop) are left out.
    func diskLocations() async throws(StorageError) -> [DiskNumber: DiskLocation]

    /// How each disk names itself. A disk that does not answer is left out and logged; it does not fail
    /// the call.
    func diskIdentifiers() async throws(StorageError) -> [DiskNumber: DiskIdentifiers]

    /// Makes sure that the disk has a partition to put a filesystem on.
    ///
    /// A blank disk gets a GPT with one basic-data partition of the greatest possible size. A disk whose
    /// table holds any partition that is not reserved is left as it is, so the call is idempotent. A disk
    /// with anything else on it is refused with ``StorageError/Code/failedPrecondition``, and so is one
    /// that cannot be read.
    func partitionDisk(_ disk: DiskNumber) async throws(StorageError)

    /// Looks for disks that came, and for disks that grew,
    /// and waits a while until what hosts report can be used.
    func rescanDisks() async throws(StorageError)

    /// The size of the disk in bytes.
    func diskSize(_ disk: DiskNumber) async throws(StorageError) -> Int64

    /// Takes the disk into or out of service. A disk that is offline keeps its identity and can be
    /// partitioned, but none of its volumes can be mounted, formatted or resized. Setting the state that
    /// a disk already has succeeds; a disk with a mounted volume cannot go offline
    /// (``StorageError/Code/busy``).
    func setDiskState(_ disk: DiskNumber, to state: DiskState) async throws(StorageError)

    func diskState(_ disk: DiskNumber) async throws(StorageError) -> DiskState
}

extension DiskOperations {
    /// The disk that names itself `page83`, compared exactly.
    public func disk(page83: String) async throws(StorageError) -> DiskNumber {
        guard !page83.isEmpty else { throw StorageError(.invalidArgument, "the disk name is empty") }
        let named = try await diskIdentifiers().filter { $0.value.page83.isIdentical(to: page83) }.keys
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

public enum DiskState: String, Sendable, Hashable {
    case online, offline
}

/// The SCSI address of a disk, each part in decimal: host, channel, target and LUN.
public struct DiskLocation: Sendable, Hashable {
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
public struct DiskIdentifiers: Sendable, Hashable {
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
