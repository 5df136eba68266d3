// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Makes the kernel look for disks that came and for disks that grew.
enum Rescan {
    /// A value for a file of sysfs. The writer may wait for as long as a host or a disk does not answer.
    struct Request: Sendable {
        let path: String
        let text: String
    }

    static let timeout: Duration = .seconds(30)
    /// With disks that the kernel has found and that cannot be used yet.
    static let timeoutForDisks: Duration = .seconds(10)

    static func requests() throws(StorageError) -> [Request] {
        var requests: [Request] = []
        for (kind, attribute, text) in [
            ("scsi_host", "scan", "- - -"), ("scsi_disk", "device/rescan", "1"), ("nvme", "rescan_controller", "1"),
        ] {
            requests += try Sysfs.names(in: "/sys/class/\(kind)").map {
                Request(path: "/sys/class/\(kind)/\($0)/\(attribute)", text: text)
            }
        }
        return requests
    }

    /// A loop device keeps the size that its file had when it was attached, until LOOP_SET_CAPACITY makes it look
    /// again. A file that became shorter is left alone: the lost part may still be in use.
    static func growLoop(_ node: DiskNode) throws(StorageError) {
        let disk = try OpenDisk(node)
        guard let file = try node.attribute("loop/backing_file") else { return }
        var status = cls_loop_status()
        try check(cls_loop_status(disk.descriptor.raw, &status), "LOOP_GET_STATUS64", disk.path)
        // The name is the one at the time of attaching; only the very same file counts.
        guard status.size_limit == 0, let backing = try? Descriptor(opening: file, cls_O_PATH),
            let found = try? backing.status(file), found.inode == status.backing_inode,
            found.device == DeviceNumber(major: UInt32(status.backing_major), minor: UInt32(status.backing_minor)),
            found.size - Int64(status.offset) >= disk.size + 512
        else { return }
        try check(cls_loop_update_capacity(disk.descriptor.raw), "LOOP_SET_CAPACITY", disk.path)
    }
}
