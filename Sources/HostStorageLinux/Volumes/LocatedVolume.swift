// SPDX-License-Identifier: Apache-2.0

import CLibUuid
import Glibc
import HostStorage

/// A volume and where it was found.
struct LocatedVolume: Sendable, Hashable {
    let id: VolumeID
    let disk: DiskNode
    /// The disk's identity when the volume was found on it.
    let identity: DiskIdentity
    /// Nil where the filesystem is on the whole disk.
    let partition: PartitionTable.Partition?
    fileprivate let formerName: FormerName

    /// Where it is, as a person would say it.
    var place: String { "\(disk.devicePath)\(partition.map { " partition \($0.number)" } ?? "")" }

    /// The same, on its disk as it is seen now.
    func on(_ disk: DiskNode) -> LocatedVolume {
        LocatedVolume(id: id, disk: disk, identity: identity, partition: partition, formerName: formerName)
    }

    /// The name that earlier versions gave it. A copy of the disk may have had the same name, so records under it count
    /// only where they name the disk as well.
    func formerID() throws(StorageError) -> VolumeID {
        switch formerName {
        case .partition(let id): return id
        case .part(let part):
            let identifiers = try disk.identifiers()
            var name = "\(identifiers.page83)/\(identifiers.serialNumber)"
            if name == "/" {
                name = "\(try ProcFS.bootID())/\(disk.number)"
            }
            return try VolumeID(name: "\(name)/\(part)")
        }
    }

    fileprivate enum FormerName: Hashable {
        /// The partition's GUID.
        case partition(VolumeID)
        /// Of a volume without one, with the disk's names in front.
        case part(String)
    }

    /// The ID of the volume that takes the whole disk.
    static func wholeID(_ identity: DiskIdentity) throws(StorageError) -> VolumeID { try id(identity, whole) }

    fileprivate static let whole = "whole"

    /// - Parameter part: the volume's name on its disk.
    fileprivate static func id(_ identity: DiskIdentity, _ part: String) throws(StorageError) -> VolumeID {
        try VolumeID(name: "\(identity.text)/\(part)")
    }
}

extension OpenDisk {
    /// The volumes of the disk in the order of its table: every partition that is not reserved, or the
    /// whole disk where it carries a filesystem instead of a table.
    ///
    /// - Parameter identity: the disk's identity; asked for where it has volumes.
    func volumes(_ identity: () throws(StorageError) -> DiskIdentity) throws(StorageError) -> [LocatedVolume] {
        switch try DiskLayout(of: self) {
        case .table(let table):
            let partitions = table.partitions.filter { !$0.isReserved }
            guard !partitions.isEmpty else { return [] }
            let identity = try identity()
            var volumes: [LocatedVolume] = []
            for partition in partitions {
                let former: LocatedVolume.FormerName =
                    if table.kind == "gpt", let id = try? VolumeID(guid: partition.id) { .partition(id) } else {
                        .part("\(table.kind)/\(partition.id)/\(partition.number)")
                    }
                // libblkid puts the number behind the signature of a dos table, and numbers of logical partitions move up.
                let sign = table.kind == "gpt" ? partition.id : String(partition.id.prefix { $0 != "-" })
                // Its GUID, or the table's signature, is another when the disk is partitioned anew; its start
                // distinguishes it from others of the same GUID, and stays when it grows.
                volumes.append(
                    LocatedVolume(
                        id: try LocatedVolume.id(identity, "\(table.kind)/\(sign)/\(partition.start)"),
                        disk: node, identity: identity, partition: partition, formerName: former))
            }
            return volumes
        case .filesystem:
            let identity = try identity()
            return [
                LocatedVolume(
                    id: try LocatedVolume.wholeID(identity), disk: node, identity: identity, partition: nil,
                    formerName: .part(LocatedVolume.whole))
            ]
        // Looked at, and found to have no volume: a search is not left with a disk that did not answer.
        case .nothing, .other, .unclear: return []
        }
    }

    /// Fails where the disk's content keeps it from having volumes, with the reason.
    func requireClearLayout() throws(StorageError) {
        if case .unclear(let error) = try DiskLayout(of: self) { throw error }
    }
}

extension VolumeID {
    /// A UUID of version 5 (RFC 9562, 5.5).
    fileprivate init(name: String) throws(StorageError) {
        // The namespace of this project's volume names, drawn once.
        var space: [UInt8] = [
            0x8c, 0x0a, 0x5e, 0x1d, 0x4b, 0x61, 0x4f, 0x0e, 0x9a, 0x35, 0x2f, 0x77, 0xd1, 0x6c, 0x93, 0x58,
        ]
        var uuid = [UInt8](repeating: 0, count: 16)
        uuid_generate_sha1(&uuid, &space, name, name.utf8.count)
        try self.init(guid: UUIDText.text(uuid))
    }
}
