// SPDX-License-Identifier: Apache-2.0

import CLibUdev
import CLinuxStorage
import Glibc
import HostStorage
import Synchronization

/// The disks of this machine, enumerated by libudev from sysfs. No udev database is needed.
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

    private static func compared(_ disk: DiskNode, to first: DiskNode?) -> DiskNode {
        var disk = disk
        disk.isUnchanged = first.map { !DiskFeatures.contradict($0.features.names, disk.features.names) } ?? true
        return disk
    }

    // MARK: - Enumeration

    private static func enumerate() throws(StorageError) -> [DiskNode] {
        guard let udev = udev_new() else { throw StorageError(errno: errno, "udev_new") }
        defer { udev_unref(udev) }
        guard let enumeration = udev_enumerate_new(udev) else { throw StorageError(errno: errno, "udev_enumerate_new") }
        defer { udev_enumerate_unref(enumeration) }
        try check(udev_enumerate_add_match_subsystem(enumeration, "block"), "udev_enumerate_add_match_subsystem")
        try check(
            udev_enumerate_add_match_property(enumeration, "DEVTYPE", "disk"), "udev_enumerate_add_match_property")
        try check(udev_enumerate_scan_devices(enumeration), "udev_enumerate_scan_devices")

        var disks: [DiskNode] = []
        var entry = udev_enumerate_get_list_entry(enumeration)
        while let current = entry {
            defer { entry = udev_list_entry_get_next(current) }
            guard let path = udev_list_entry_get_name(current) else { continue }
            errno = 0
            guard let device = udev_device_new_from_syspath(udev, path) else {
                // A disk that leaves meanwhile fails no query of the others; too few descriptors do.
                if [EMFILE, ENFILE, ENOMEM].contains(errno) {
                    throw StorageError(errno: errno, "udev_device_new_from_syspath", String(cString: path))
                }
                continue
            }
            defer { udev_device_unref(device) }
            guard let name = udev_device_get_sysname(device).map({ String(cString: $0) }), try isDisk(name),
                let sequence = try Sysfs.number("/sys/block/\(name)/diskseq"), let number = UInt32(exactly: sequence)
            else { continue }
            disks.append(
                DiskNode(
                    name: name, number: DiskNumber(number), device: DeviceNumber(udev_device_get_devnum(device)),
                    features: try DiskNode.features(ofDisk: name)))
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
        for holder in Sysfs.names(in: "\(path)/holders") {
            if try Sysfs.attribute("/sys/block/\(holder)/dm/uuid")?.hasPrefix(multipathPrefix) == true { return false }
        }
        return try Sysfs.number("\(path)/size") != 0
    }

    private static let multipathPrefix = "mpath-"
}
