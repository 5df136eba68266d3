// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A partition of a multipath map: a map itself, made by udev or multipathd with kpartx and known by its
/// UUID, which is "part", the number, "-" and the UUID of the map that it is a part of.
struct MappedPartition {
    let number: PartitionNumber
    /// The kernel's name of the map that it is a part of: "dm-0".
    let disk: String

    /// Nil where the device is no such map.
    init?(name: String) throws(StorageError) {
        guard let uuid = try Sysfs.attribute("/sys/block/\(name)/dm/uuid"), uuid.hasPrefix("part"),
            let dash = uuid.firstIndex(of: "-"), let number = UInt32(uuid[..<dash].dropFirst("part".count))
        else { return nil }
        let wholeUUID = String(uuid[uuid.index(after: dash)...])
        for below in try Sysfs.names(in: "/sys/block/\(name)/slaves") {
            guard try Sysfs.attribute("/sys/block/\(below)/dm/uuid") == wholeUUID else { continue }
            self.number = PartitionNumber(number)
            self.disk = below
            return
        }
        return nil
    }
}
