// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// The identity of one disk; equal for two paths to one disk, and for a copy that was given its original's names.
struct DiskIdentity: Sendable, Hashable {
    /// The parts with their lengths, so that no two lists of parts make the same text.
    let text: String
    /// Whether it ends when the disk is detached or the machine restarts.
    let isOfThisAttachment: Bool

    init(_ parts: [String]) {
        text = parts.map { "\($0.utf8.count):\($0)" }.joined()
        isOfThisAttachment = parts.first == Self.number
    }

    static let number = "number"
}

/// The names and the place of a disk, by sysfs and the kernel.
extension DiskNode {
    /// The names that the disk gives itself, as sysfs keeps them; a loop device is opened and asked.
    func identifiers() throws(StorageError) -> DiskIdentifiers {
        if name.hasPrefix("loop") { return try loopIdentifiers(OpenDisk(self)) }
        return try shownIdentifiers()
    }

    /// The same of a disk that is open.
    func identifiers(_ open: OpenDisk) throws(StorageError) -> DiskIdentifiers {
        isLoop ? try loopIdentifiers(open) : try shownIdentifiers()
    }

    var isLoop: Bool { name.hasPrefix("loop") }

    private func shownIdentifiers() throws(StorageError) -> DiskIdentifiers {
        DiskIdentifiers(page83: try page83(), serialNumber: try serialNumber())
    }

    /// The identity of this disk. A disk without any name of its own is known by its number, and so only until the
    /// machine restarts. Asks nothing of the disk but, of a loop device, which file is behind it.
    ///
    /// - Parameter open: of a loop device, which is opened where it is not given.
    func identity(_ open: OpenDisk? = nil) throws(StorageError) -> DiskIdentity {
        if isLoop {
            if let open { return try loopIdentity(open) }
            return try loopIdentity(OpenDisk(self))
        }
        if name.hasPrefix("dm-") {
            // A path that was left out of the map is the same disk.
            for path in try paths() { return try path.identity() }
            throw StorageError(.deadlineExceeded, "the multipath map has no path to its disk", subject: devicePath)
        }
        let identifiers = try shownIdentifiers()
        if identifiers.page83.isEmpty, identifiers.serialNumber.isEmpty {
            let boot = try ProcFS.bootID()
            return DiskIdentity([DiskIdentity.number, boot, "\(number)"])
        }
        return DiskIdentity(["name", identifiers.page83, identifiers.serialNumber])
    }

    /// The file behind it and where in the file it begins. Its reference can be changed while it is attached.
    private func loopIdentity(_ disk: OpenDisk) throws(StorageError) -> DiskIdentity {
        var status = cls_loop_status()
        try check(cls_loop_status(disk.descriptor.raw, &status), "LOOP_GET_STATUS64", devicePath)
        let file = DeviceNumber(major: UInt32(status.backing_major), minor: UInt32(status.backing_minor))
        let special = DeviceNumber(major: UInt32(status.special_major), minor: UInt32(status.special_minor))
        // Another disk can get the same node, and one disk can have several.
        if special != file, let name = Sysfs.linkName("/sys/dev/block/\(special)"),
            let below = try DiskNode(ofDevice: BlockDeviceName.disk(of: name))
        {
            let start = try Sysfs.number("/sys/class/block/\(name)/start") ?? 0
            return DiskIdentity(["loop on", try below.identity().text, "\(start)", "\(status.offset)"])
        }
        return DiskIdentity(["loop", "\(file)", "\(status.backing_inode)", "\(status.offset)"])
    }

    /// Reads ``features`` anew.
    static func features(ofDisk name: String) throws(StorageError) -> DiskFeatures {
        var names: [String: String] = [:]
        for file in name.hasPrefix("loop") ? loopNames : diskNames {
            guard let text = try Sysfs.attribute("/sys/block/\(name)/\(file)") else { continue }
            // A file without a name is the same file.
            names[file] = file == "loop/backing_file" ? text.replacing(" (deleted)", with: "") : text
        }
        // A multipath map is named by its paths, of which one can get another unit behind it.
        for path in name.hasPrefix("dm-") ? try Sysfs.names(in: "/sys/block/\(name)/slaves") : [] {
            for file in diskNames {
                if let text = try Sysfs.attribute("/sys/block/\(path)/\(file)") { names["\(path)/\(file)"] = text }
            }
        }
        return DiskFeatures(names: names, size: Int64(try Sysfs.number("/sys/block/\(name)/size") ?? 0) * 512)
    }

    private static let loopNames = ["loop/backing_file", "loop/offset"]
    private static let diskNames = [
        "wwid", "device/wwid", "device/vpd_pg83", "device/vpd_pg80", "serial", "device/serial", "dm/uuid",
    ]

    /// The paths of a multipath map, in the order of their addresses.
    func paths() throws(StorageError) -> [DiskNode] {
        guard name.hasPrefix("dm-") else { return [] }
        var paths: [DiskNode] = []
        for name in try Sysfs.names(in: "\(sysfsPath)/slaves") {
            if let path = try DiskNode(ofDevice: name) { paths.append(path) }
        }
        return paths.sorted { a, b in
            a.address.lexicographicallyPrecedes(b.address) || a.address == b.address && a.name < b.name
        }
    }

    private var address: [UInt64] {
        guard let place = location() else { return [] }
        return [place.adapter, place.bus, place.target, place.lun].map { UInt64($0) ?? 0 }
    }

    /// The SCSI address, of a multipath map that of its first path; nil for disks that have none.
    func location() -> DiskLocation? {
        if name.hasPrefix("dm-") { return (try? paths())?.lazy.compactMap { $0.location() }.first }
        // /sys/block/sda/device leads to .../host2/target2:0:0/2:0:0:1
        guard Sysfs.linkName("\(sysfsPath)/device/subsystem") == "scsi",
            let parts = Sysfs.linkName("\(sysfsPath)/device")?.split(separator: ":").map(String.init),
            parts.count == 4
        else { return nil }
        return DiskLocation(adapter: parts[0], bus: parts[1], target: parts[2], lun: parts[3])
    }

    private func page83() throws(StorageError) -> String {
        for path in try paths() {
            let name = try path.page83()
            if !name.isEmpty { return name }
        }
        if let page = try bytes(of: "device/vpd_pg83"), let name = VitalProductData.deviceName(page83: page) {
            return name
        }
        // NVMe: "eui.…" or "nvme.…"; SCSI disks whose page the kernel did not keep: "naa.…".
        for file in ["wwid", "device/wwid"] {
            if let name = try attribute(file), !name.isEmpty { return name }
        }
        // A multipath map without paths is still named after them.
        if let uuid = try attribute("dm/uuid") { return String(uuid.dropFirst("mpath-".count)) }
        return try serialNumber()
    }

    private func serialNumber() throws(StorageError) -> String {
        for path in try paths() {
            let serial = try path.serialNumber()
            if !serial.isEmpty { return serial }
        }
        if let page = try bytes(of: "device/vpd_pg80"), let serial = VitalProductData.serialNumber(page80: page) {
            return serial
        }
        for file in ["serial", "device/serial"] {
            if let serial = try attribute(file) { return serial }
        }
        return ""
    }

    /// A loop device has no product data: the file behind it names it, in the form of systemd's
    /// /dev/disk/by-loop-inode links, and the reference that its maker gave it, if any, is its serial.
    private func loopIdentifiers(_ disk: OpenDisk) throws(StorageError) -> DiskIdentifiers {
        var status = cls_loop_status()
        try check(cls_loop_status(disk.descriptor.raw, &status), "LOOP_GET_STATUS64", devicePath)
        let reference = withUnsafeBytes(of: status.reference) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return DiskIdentifiers(
            page83: "loop-\(status.backing_major):\(status.backing_minor)-\(status.backing_inode)"
                + (status.offset == 0 ? "" : "-\(status.offset)"),
            serialNumber: reference)
    }

    private func bytes(of path: String) throws(StorageError) -> [UInt8]? { try Sysfs.bytes("\(sysfsPath)/\(path)") }
}
