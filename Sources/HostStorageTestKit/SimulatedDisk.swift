// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A disk of the simulated host.
struct SimulatedDisk: Sendable {
    enum Layout: Sendable { case blank, gpt, mbr, wholeDisk, random, unreadable }

    /// A stretch of the disk that can hold something: a partition, or the whole disk.
    struct Slot: Sendable {
        /// Nil for the whole disk.
        var number: PartitionNumber?
        var id: VolumeID
        var start: Int64
        var size: Int64
        var isReserved = false
        var content: Content

        var end: Int64 { start + size }
    }

    enum Content: Sendable {
        case blank, random, unreadable
        case filesystem(Filesystem)
    }

    struct Filesystem: Sendable {
        var kind: FilesystemKind
        var size: Int64
        var files = Node.emptyDirectory
        /// Made by the host and not mounted since.
        var isNew = false

        /// The size of the filesystem's own tables, a sixty-fourth.
        var usedBytes: Int64 { size / 64 + files.contentSize }
    }

    /// Partitions begin and end on a multiple of this, and a backup table needs the last of them.
    static let alignment: Int64 = 1 << 20

    let number: DiskNumber
    var identifiers: DiskIdentifiers
    var location: DiskLocation?
    /// How large it is, and how large the host believes it to be since it last looked.
    var actualSize: Int64
    var size: Int64
    var layout = Layout.blank
    var slots: [Slot] = []
    var state = DiskState.online
    var isAttached = true
    var isAnswering = true
    var carriesSystem = false
    var isReadOnly = false

    var volumes: [Slot] { slots.filter { !$0.isReserved } }

    func requireWritable() throws(StorageError) {
        guard !isReadOnly else { throw StorageError(.failedPrecondition, "disk \(number) is read-only") }
    }

    /// Where the last partition must end.
    private var usableEnd: Int64 {
        let end = layout == .gpt ? size - Self.alignment : size
        return end / Self.alignment * Self.alignment
    }

    /// Lays out the disk's content. Partitions without a size take the rest.
    mutating func fill(with content: DiskContent) throws(StorageError) {
        slots = []
        switch content {
        case .blank: layout = .blank
        case .random: layout = .random
        case .unreadable: layout = .unreadable
        case .filesystem(let kind):
            layout = .wholeDisk
            let filesystem = Filesystem(kind: kind, size: size)
            slots = [Slot(id: try volumeID(0), start: 0, size: size, content: .filesystem(filesystem))]
        case .gpt(let partitions): try lay(out: partitions, as: .gpt)
        case .mbr(let partitions): try lay(out: partitions, as: .mbr)
        }
    }

    private mutating func lay(out partitions: [PartitionContent], as layout: Layout) throws(StorageError) {
        self.layout = layout
        for partition in partitions {
            try addPartition(size: partition.size, isReserved: partition.isReserved) { size in
                switch partition.content {
                case .blank: .blank
                case .random: .random
                case .unreadable: .unreadable
                case .filesystem(let kind): .filesystem(Filesystem(kind: kind, size: size))
                }
            }
        }
    }

    mutating func addPartition(
        size: Int64?, isReserved: Bool = false, content: (Int64) -> Content = { _ in .blank }
    ) throws(StorageError) {
        let start = slots.map(\.end).max() ?? Self.alignment
        let size = (size ?? usableEnd - start) / Self.alignment * Self.alignment
        guard size > 0, start + size <= usableEnd else {
            throw StorageError(.failedPrecondition, "the disk has no room for a partition")
        }
        let number = UInt32(slots.count + 1)
        slots.append(
            Slot(
                number: PartitionNumber(number), id: try volumeID(number), start: start, size: size,
                isReserved: isReserved, content: content(size)))
    }

    /// The size that a slot could have where it stands.
    func maximumSize(of slot: Slot) -> Int64 {
        guard slot.number != nil else { return size }
        let next = slots.map(\.start).filter { $0 > slot.start }.min() ?? usableEnd
        return max(slot.size, next - slot.start)
    }

    /// A GUID that no other slot of any disk of this host has.
    private func volumeID(_ partition: UInt32) throws(StorageError) -> VolumeID {
        let digits = Self.hexadecimal(UInt64(number.rawValue), width: 8)
        return try VolumeID(guid: "\(digits)-0000-4000-8000-\(Self.hexadecimal(UInt64(partition), width: 12))")
    }

    private static func hexadecimal(_ number: UInt64, width: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: width - digits.count) + digits
    }
}

extension SimulatedDisk.Content {
    /// A name for people.
    var name: String {
        switch self {
        case .blank: "zeros"
        case .random: "data of no known kind"
        case .unreadable: "unreadable"
        case .filesystem(let filesystem): filesystem.kind.rawValue
        }
    }
}
