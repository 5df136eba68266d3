// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// The disks of this machine, as sysfs shows them. udev is not needed.
final class DiskInventory: Sendable {
    /// Each disk as it was first seen. Its place is a hint: each use verifies it.
    private let known = Mutex<[DiskNumber: DiskNode]>([:])

    /// Every disk, in the order of their numbers.
    func disks() throws(StorageError) -> [DiskNode] {
        let disks = try Self.enumerate().sorted { $0.number < $1.number }
        return known.withLock { known in
            let compared = disks.map { Self.compared($0, to: known[$0.number]) }
            known = Dictionary(disks.map { ($0.number, known[$0.number] ?? $0) }) { first, _ in first }
            return compared
        }
    }

    /// The disk of that number, if it is still there.
    func disk(_ number: DiskNumber) throws(StorageError) -> DiskNode {
        if let disk = known.withLock({ $0[number] }),
            try Sysfs.number("\(disk.sysfsPath)/diskseq") == UInt64(number.rawValue)
        {
            let now = DiskNode(
                name: disk.name, number: number, device: disk.device, features: try DiskNode.features(ofDisk: disk.name)
            )
            return Self.compared(now, to: disk)
        }
        guard let disk = try disks().first(where: { $0.number == number }) else {
            throw StorageError(.notFound, "there is no such disk", subject: "disk \(number)")
        }
        return disk
    }

    /// The disk of the kernel's name, if there is one that an operator would call a disk.
    func disk(named name: String) throws(StorageError) -> DiskNode? {
        guard try Self.isDisk(name), let disk = try DiskNode(ofDevice: name) else { return nil }
        return known.withLock { known in
            let first = known[disk.number]
            if first == nil { known[disk.number] = disk }
            return Self.compared(disk, to: first)
        }
    }

    private static func compared(_ disk: DiskNode, to first: DiskNode?) -> DiskNode {
        var disk = disk
        disk.isUnchanged = first.map { !DiskFeatures.contradict($0.features.names, disk.features.names) } ?? true
        return disk
    }

    // MARK: - What is there

    /// Fails where the list cannot be read: too few descriptors leave no disk out.
    private static func enumerate() throws(StorageError) -> [DiskNode] {
        var disks: [DiskNode] = []
        for name in try Sysfs.names(in: "/sys/block") {
            // A disk that leaves meanwhile fails no query of the others.
            if try isDisk(name), let disk = try DiskNode(ofDevice: name) { disks.append(disk) }
        }
        return disks
    }

    /// Whether an operator would call it a disk. The size does not matter, but a device without one (an empty loop
    /// device or card reader, a network block device without a server) holds nothing.
    private static func isDisk(_ name: String) throws(StorageError) -> Bool {
        let path = "/sys/block/\(name)"
        for kind in ["ram", "zram", "sr", "fd", "md", "mtdblock"] {
            if name.hasPrefix(kind), name.dropFirst(kind.count).first?.isNumber == true { return false }
        }
        if name.hasPrefix("loop"), try Sysfs.attribute("\(path)/loop/backing_file") == nil { return false }
        if name.hasPrefix("dm-") {
            guard let uuid = try Sysfs.attribute("\(path)/dm/uuid"), uuid.hasPrefix(multipathPrefix) else {
                return false
            }
        }
        // The hidden path devices of native NVMe multipath (Documentation/ABI/stable/sysfs-block).
        if try Sysfs.attribute("\(path)/hidden") == "1" { return false }
        // A path of a multipath map is held by the map.
        for holder in try Sysfs.names(in: "\(path)/holders") {
            if try Sysfs.attribute("/sys/block/\(holder)/dm/uuid")?.hasPrefix(multipathPrefix) == true { return false }
        }
        return try Sysfs.number("\(path)/size") != 0
    }

    private static let multipathPrefix = "mpath-"
}
