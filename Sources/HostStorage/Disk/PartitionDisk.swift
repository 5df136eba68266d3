// SPDX-License-Identifier: Apache-2.0

extension StorageHost {
    /// Makes sure that the disk has a partition to put a filesystem on.
    ///
    /// A blank disk gets a GPT with one basic-data partition of the greatest possible size. A disk whose
    /// table holds any partition that is not reserved is left as it is, so the call is idempotent. A disk
    /// with anything else on it is refused with ``StorageError/Code/failedPrecondition``, and so is one
    /// that cannot be read.
    public func partitionDisk(_ disk: DiskNumber) async throws(StorageError) {
        try await perform(PartitionDisk(disk: disk))
    }
}

public protocol PartitioningBackend: Sendable {
    func partitionDisk(_ disk: DiskNumber) async throws(StorageError)
}

public struct PartitionDisk: HostOperation, ResolvedOperation {
    public var disk: DiskNumber

    public init(disk: DiskNumber) { self.disk = disk }

    public static var name: OperationName { .partitionDisk }
    public var subjects: [Subject] { [.disk(disk)] }
    public var effect: Effect { .change(holding: .disk(disk)) }
    public func run(on backend: some StorageBackend) async throws(StorageError) {
        try await backend.partitionDisk(disk)
    }
}

extension OperationName {
    public static let partitionDisk: OperationName = "partition disk"
}
