// SPDX-License-Identifier: Apache-2.0

import CLibBlkid
import Glibc
import HostStorage

/// The content of a device, as libblkid recognises it.
enum RecognisedContent: Sendable, Hashable {
    /// Nothing that libblkid knows. The device may still hold data; see ``BlankDevice``.
    case nothing
    case filesystem(Signature)
    case partitionTable(kind: String)
    /// LUKS, LVM, a RAID member, swap and the like.
    case other(Signature)

    /// A name for people; nil for nothing.
    var label: String? {
        switch self {
        case .nothing: nil
        case .filesystem(let signature): "a filesystem of type \(signature)"
        case .partitionTable(let kind): "a partition table of type \(kind)"
        case .other(let signature): "a signature of type \(signature)"
        }
    }

    /// The signature of a filesystem or of anything else that is no table.
    var signature: Signature? {
        switch self {
        case .filesystem(let signature), .other(let signature): signature
        case .nothing, .partitionTable: nil
        }
    }
}

/// A libblkid probe of one open device. Reads the device, never libblkid's cache.
struct BlockProbe: ~Copyable {
    private let probe: blkid_probe
    private let subject: String

    /// - Parameter range: the part of the device to look at, in bytes; all of it unless given.
    init(
        _ device: borrowing Descriptor, _ subject: String, in range: Range<Int64> = 0..<0
    ) throws(StorageError) {
        guard let probe = blkid_new_probe() else { throw StorageError(errno: ENOMEM, "blkid_new_probe", subject) }
        guard blkid_probe_set_device(probe, device.raw, range.lowerBound, Int64(range.count)) == 0 else {
            let code = errno
            blkid_free_probe(probe)
            throw StorageError(errno: code, "blkid_probe_set_device", subject)
        }
        self.probe = probe
        self.subject = subject
    }

    deinit { blkid_free_probe(probe) }

    /// A signature that is no partition table, as libblkid reports it.
    struct Found: Hashable {
        let signature: Signature
        let isFilesystem: Bool
        /// In bytes, of the sign by which it was recognised.
        let offset: Int64?

        var label: String {
            let what: RecognisedContent = isFilesystem ? .filesystem(signature) : .other(signature)
            return (what.label ?? "") + (offset.map { " at offset \($0)" } ?? "")
        }
    }

    /// The content of the device, and the offset in bytes of the sign by which it was recognised. Fails where there is
    /// more than one signature. A table of type dos without partitions does not count beside a signature: boot sectors
    /// and boot loaders end with the same two bytes.
    func content() throws(StorageError) -> (content: RecognisedContent, offset: Int64?) {
        readAhead(Self.places(size: blkid_probe_get_size(probe)))
        let found = try superblock()
        let (table, tableOffset) = try tableAndOffset()
        if let found {
            if let table, table.kind != "dos" || !table.partitions.isEmpty {
                throw Self.conflict([found.label, Self.label(of: table.kind, at: tableOffset)], subject)
            }
            let signature = found.signature
            return (found.isFilesystem ? .filesystem(signature) : .other(signature), found.offset)
        }
        return table.map { (.partitionTable(kind: $0.kind), tableOffset) } ?? (.nothing, nil)
    }

    /// Signatures other than partition tables.
    func superblock() throws(StorageError) -> Found? {
        blkid_probe_enable_partitions(probe, 0)
        blkid_probe_enable_superblocks(probe, 1)
        blkid_probe_set_superblocks_flags(
            probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE | BLKID_SUBLKS_MAGIC | BLKID_SUBLKS_UUID)
        guard try run() else { return nil }
        return Found(
            signature: Signature(type: value("TYPE") ?? "unknown", uuid: value("UUID")),
            isFilesystem: value("USAGE") == "filesystem", offset: value("SBMAGIC_OFFSET").flatMap { Int64($0) })
    }

    static func conflict(_ labels: [String], _ subject: String) -> StorageError {
        StorageError(
            .failedPrecondition,
            "it carries the signs of more than one filesystem or table: \(labels.joined(separator: ", "))",
            subject: subject)
    }

    static func label(of table: String, at offset: Int64?) -> String {
        (RecognisedContent.partitionTable(kind: table).label ?? "") + (offset.map { " at offset \($0)" } ?? "")
    }

    /// The partition table, with no look at anything else; nil where there is none.
    func partitionTable() throws(StorageError) -> PartitionTable? {
        readAhead([0..<min(Self.tableEnd, blkid_probe_get_size(probe))])
        return try tableAndOffset().table
    }

    /// Where libblkid looks, by what it was seen to read (util-linux 2.38): the copies of a LUKS2 header alone are
    /// beyond the first 516 KiB, and RAID members and zfs are at the end.
    private static func places(size: Int64) -> [Range<Int64>] {
        let page: Int64 = 4096
        return ([0..<516 << 10, (size - 768 << 10)..<size] + [1, 2, 4].map { ($0 << 20)..<($0 << 20) + page })
            .merged(within: 0..<size)
    }

    /// Where a GPT of sectors of up to 4 KiB, with as many entries as usual, ends.
    private static let tableEnd: Int64 = 24 << 10

    /// Has the kernel read these places at once. libblkid switches the kernel's own read-ahead off, and each of its
    /// thirty reads would wait for the device.
    private func readAhead(_ places: [Range<Int64>]) {
        let (device, start) = (blkid_probe_get_fd(probe), blkid_probe_get_offset(probe))
        for place in places {
            // A hint: the read itself reports what is wrong.
            posix_fadvise(device, off_t(start + place.lowerBound), off_t(place.count), POSIX_FADV_WILLNEED)
        }
    }

    private func tableAndOffset() throws(StorageError) -> (table: PartitionTable?, offset: Int64?) {
        blkid_probe_enable_superblocks(probe, 0)
        blkid_probe_enable_partitions(probe, 1)
        blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC)
        guard try run(), let kind = value("PTTYPE") else { return (nil, nil) }
        let offset = value("PTMAGIC_OFFSET").flatMap { Int64($0) }
        errno = 0
        guard let list = blkid_probe_get_partitions(probe) else {
            throw StorageError(errno: errno == 0 ? EIO : errno, "blkid_probe_get_partitions", subject)
        }
        var partitions: [PartitionTable.Partition] = []
        for index in 0..<max(0, blkid_partlist_numof_partitions(list)) {
            guard let partition = blkid_partlist_get_partition(list, index) else { continue }
            let number = blkid_partition_get_partno(partition)
            guard number > 0 else { continue }
            let type =
                blkid_partition_get_type_string(partition).map { String(cString: $0) }
                ?? "0x" + String(UInt32(bitPattern: blkid_partition_get_type(partition)), radix: 16)
            partitions.append(
                PartitionTable.Partition(
                    number: PartitionNumber(UInt32(number)),
                    id: blkid_partition_get_uuid(partition).map { String(cString: $0).lowercased() } ?? "",
                    type: type.lowercased(),
                    // libblkid counts in 512-byte sectors, for disks of every sector size.
                    start: blkid_partition_get_start(partition) * 512,
                    size: blkid_partition_get_size(partition) * 512))
        }
        return (PartitionTable(kind: kind, partitions: partitions), offset)
    }

    /// Probes; false where nothing was found. libblkid's command does not distinguish this from an unreadable device,
    /// its library does.
    private func run() throws(StorageError) -> Bool {
        errno = 0
        switch blkid_do_safeprobe(probe) {
        case 0: return true
        case 1: return false
        case -2:
            throw Self.conflict(signs(), subject)
        case let code:
            // Debian's version returns -errno, others -1 and errno.
            throw StorageError(errno: code < -2 ? -code : (errno == 0 ? EIO : errno), "blkid_do_safeprobe", subject)
        }
    }

    /// All that is recognised, where that is more than one thing.
    private func signs() -> [String] {
        blkid_reset_probe(probe)
        var signs: [String] = []
        while signs.count < 8, blkid_do_probe(probe) == 0 {
            guard let type = value("TYPE") ?? value("PTTYPE") else { continue }
            let offset = value("SBMAGIC_OFFSET") ?? value("PTMAGIC_OFFSET")
            signs.append(type + (offset.map { " at offset \($0)" } ?? ""))
        }
        return signs
    }

    private func value(_ name: String) -> String? {
        var data: UnsafePointer<CChar>?
        guard blkid_probe_lookup_value(probe, name, &data, nil) == 0, let data else { return nil }
        return String(cString: data)
    }
}
