// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The content of a whole disk. Tables of types gpt and dos count; a disk with another table, or with a table together
/// with something else, is left alone.
enum DiskLayout {
    /// Nothing that is recognised. The disk may still hold data; see ``BlankDevice``.
    case nothing
    case table(PartitionTable)
    case filesystem(Signature)
    /// LUKS, LVM, a RAID member, swap and the like.
    case other(Signature)
    /// Ambiguous, and why.
    case unclear(StorageError)

    /// Fails where the disk cannot be read.
    init(of disk: OpenDisk) throws(StorageError) {
        do throws(StorageError) {
            self = try Self.read(disk)
        } catch  where error.code == .failedPrecondition {
            self = .unclear(error)
        }
    }

    private static func read(_ disk: OpenDisk) throws(StorageError) -> DiskLayout {
        let table = try BlockProbe(disk.descriptor, disk.path).partitionTable()
        // A GPT is there twice, with checksums. Other content on the disk matters only before a write (PartitionRoom).
        if let table, table.kind == "gpt" { return .table(table) }

        var found = try BlockProbe(disk.descriptor, disk.path).superblock()
        if let sign = found, let table, table.isSignWithin(sign, disk) { found = nil }
        guard let table else { return found.map(Self.init) ?? .nothing }
        // A boot sector of a filesystem, or a boot loader before one.
        if table.kind == "dos", table.partitions.isEmpty { return found.map(Self.init) ?? .table(table) }
        let label = BlockProbe.label(of: table.kind, at: nil)
        if let found { throw BlockProbe.conflict([found.label, label], disk.path) }
        if table.kind == "dos" { return .table(table) }

        if table.kind == "PMBR" {
            let sectors = TableSectors(disk)
            for size in TableSectors.sizes where size != Int64(disk.sectorSize) {
                guard try sectors.hasGPT(sectorSize: size) else { continue }
                throw Self.wrongSectorSize(size, disk)
            }
            throw StorageError(
                .failedPrecondition,
                "it holds \(label), which protects a GPT, and both copies of the GPT are lost or damaged",
                subject: disk.path)
        }
        throw StorageError(
            .failedPrecondition, "it holds \(label); only those of types gpt and dos are known here",
            subject: disk.path)
    }

    private init(_ found: BlockProbe.Found) {
        self = found.isFilesystem ? .filesystem(found.signature) : .other(found.signature)
    }

    static func wrongSectorSize(_ size: Int64, _ disk: OpenDisk) -> StorageError {
        StorageError(
            .failedPrecondition,
            "it was formatted with \(size)-byte sectors, and is attached with \(disk.sectorSize)-byte sectors",
            subject: disk.path)
    }
}

extension PartitionTable {
    /// Whether a signature found on the whole disk is the one at the end of the last partition: RAID members and zfs
    /// are recognised by their ends.
    func isSignWithin(_ found: BlockProbe.Found, _ disk: OpenDisk) -> Bool {
        guard let offset = found.offset, offset >= disk.size / 2 else { return false }
        return partitions.contains { $0.range.contains(offset) }
    }
}
