// SPDX-License-Identifier: Apache-2.0

import CLibUuid
import Glibc
import HostStorage

/// A volume and where it was found.
struct LocatedVolume: Sendable, Hashable {
    let id: VolumeID
    let disk: DiskNode
    /// Nil where the filesystem is on the whole disk.
    let partition: PartitionTable.Partition?
}

extension OpenDisk {
    /// The volumes of the disk in the order of its table: every partition that is not reserved, or the
    /// whole disk where it carries a filesystem instead of a table.
    func volumes() throws(StorageError) -> [LocatedVolume] {
        switch try DiskLayout(of: self) {
        case .table(let table):
            var volumes: [LocatedVolume] = []
            for partition in table.partitions where !partition.isReserved {
                volumes.append(
                    LocatedVolume(
                        id: try id(of: partition, in: table), disk: node, partition: partition))
            }
            return volumes
        case .filesystem: return [LocatedVolume(id: try node.wholeVolumeID(), disk: node, partition: nil)]
        // Looked at, and found to have no volume: a search is not left with a disk that did not answer.
        case .nothing, .other, .unclear: return []
        }
    }

    /// Fails where what the disk carries keeps it from having volumes, with the reason.
    func requireClearLayout() throws(StorageError) {
        if case .unclear(let error) = try DiskLayout(of: self) { throw error }
    }

    private func id(of partition: PartitionTable.Partition, in table: PartitionTable) throws(StorageError) -> VolumeID {
        if table.kind == "gpt", let id = try? VolumeID(guid: partition.id) { return id }
        return try node.nameBasedID("\(table.kind)/\(partition.id)/\(partition.number)")
    }
}

extension DiskNode {
    /// The ID of the volume that takes the whole disk.
    func wholeVolumeID() throws(StorageError) -> VolumeID { try nameBasedID("whole") }

    /// A UUID of version 5 (RFC 9562, 5.5) of the disk's own name and `part`. A disk without any name is
    /// known by its number, and so only until the machine restarts.
    fileprivate func nameBasedID(_ part: String) throws(StorageError) -> VolumeID {
        let identifiers = try identifiers()
        var name = "\(identifiers.page83)/\(identifiers.serialNumber)"
        if name == "/" {
            name = "\(try Sysfs.attribute("/proc/sys/kernel/random/boot_id") ?? "")/\(number)"
        }
        name += "/\(part)"
        // The namespace of this project's volume names, drawn once.
        var space: [UInt8] = [
            0x8c, 0x0a, 0x5e, 0x1d, 0x4b, 0x61, 0x4f, 0x0e, 0x9a, 0x35, 0x2f, 0x77, 0xd1, 0x6c, 0x93, 0x58,
        ]
        var uuid = [UInt8](repeating: 0, count: 16)
        var text = [CChar](repeating: 0, count: 37)
        uuid_generate_sha1(&uuid, &space, name, name.utf8.count)
        uuid_unparse_lower(&uuid, &text)
        return try VolumeID(guid: String(decoding: text.prefix(36).map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
}
