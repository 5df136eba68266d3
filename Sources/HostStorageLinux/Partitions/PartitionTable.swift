// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The partition table of a disk as it is written on the disk. The disk is the truth: the kernel may not
/// have read the table, or not be able to.
struct PartitionTable: Sendable, Hashable {
    /// libblkid's name of the kind: "gpt", "dos", …
    let kind: String
    let partitions: [Partition]

    struct Partition: Sendable, Hashable {
        let number: PartitionNumber
        /// The GPT partition's own GUID in lower case; on other tables libblkid's, made of the disk's signature and the
        /// partition's number. Empty where the table gives it none.
        let id: String
        /// The type: a GUID in lower case on a GPT, else "0x" and a number.
        let type: String
        let start: Int64
        let size: Int64

        /// Whether the partition is there for firmware or another system's bookkeeping, not for a
        /// filesystem of its own.
        var isReserved: Bool { Self.reservedTypes.contains(type) }

        private static let reservedTypes: Set<String> = containerTypes.union([
            "e3c9e316-0b5c-4db8-817d-f92df00215ae",  // Microsoft reserved (MSR)
            "21686148-6449-6e6f-744e-656564454649",  // BIOS boot
        ])

        /// Whether it is an extended partition: a box for logical ones.
        var isContainer: Bool { Self.containerTypes.contains(type) }

        private static let containerTypes: Set<String> = ["0x5", "0xf", "0x85"]

        /// Its range on the disk, in bytes.
        var range: Range<Int64> { start..<(start + max(0, size)) }
    }

    /// Reads the table; nil where there is none. Fails where the disk cannot be read, or where its content is ambiguous
    /// (``DiskLayout``).
    init?(of disk: OpenDisk) throws(StorageError) {
        switch try DiskLayout(of: disk) {
        case .table(let table): self = table
        case .unclear(let error): throw error
        case .nothing, .filesystem, .other: return nil
        }
    }

    init(kind: String, partitions: [Partition]) {
        self.kind = kind
        self.partitions = partitions
    }
}
