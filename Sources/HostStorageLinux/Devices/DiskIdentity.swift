// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// What sysfs and the kernel say of a disk's names and place.
extension DiskNode {
    /// The names that the disk gives itself, as sysfs keeps them; a loop device is opened and asked.
    func identifiers() throws(StorageError) -> DiskIdentifiers {
        if name.hasPrefix("loop") { return try loopIdentifiers(OpenDisk(self)) }
        return DiskIdentifiers(page83: try page83(), serialNumber: try serialNumber())
    }

    /// Reads ``features`` anew.
    static func features(ofDisk name: String) throws(StorageError) -> DiskFeatures {
        var names: [String: String] = [:]
        for file in ["wwid", "device/wwid", "device/vpd_pg83", "device/vpd_pg80", "serial", "device/serial", "dm/uuid"]
            + ["loop/backing_file"]
        {
            guard let text = try Sysfs.attribute("/sys/block/\(name)/\(file)") else { continue }
            // A file that lost its name is the same file.
            names[file] = file == "loop/backing_file" ? text.replacing(" (deleted)", with: "") : text
        }
        return DiskFeatures(names: names, size: Int64(try Sysfs.number("/sys/block/\(name)/size") ?? 0) * 512)
    }

    /// The SCSI address; nil for disks that have none.
    func location() -> DiskLocation? {
        // /sys/block/sda/device leads to .../host2/target2:0:0/2:0:0:1
        guard Sysfs.linkName("\(sysfsPath)/device/subsystem") == "scsi",
            let parts = Sysfs.linkName("\(sysfsPath)/device")?.split(separator: ":").map(String.init),
            parts.count == 4
        else { return nil }
        return DiskLocation(adapter: parts[0], bus: parts[1], target: parts[2], lun: parts[3])
    }

    private func page83() throws(StorageError) -> String {
        if let page = try bytes(of: "device/vpd_pg83"), let name = VitalProductData.deviceName(page83: page) {
            return name
        }
        // NVMe: "eui.…" or "nvme.…"; SCSI disks whose page the kernel did not keep: "naa.…".
        for file in ["wwid", "device/wwid"] {
            if let name = try attribute(file), !name.isEmpty { return name }
        }
        // A multipath map is named after its paths' designator.
        if let uuid = try attribute("dm/uuid") { return String(uuid.dropFirst("mpath-".count)) }
        return try serialNumber()
    }

    private func serialNumber() throws(StorageError) -> String {
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

    private func bytes(of path: String) throws(StorageError) -> [UInt8]? {
        do throws(StorageError) {
            return try Descriptor.bytes(of: "\(sysfsPath)/\(path)")
        } catch  where error.code == .notFound || error.isSystemCall(errno: EINVAL) {
            return nil
        }
    }
}
