// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage
import Logging

/// Makes the kernel look for disks that came and for disks that grew.
enum Rescan {
    static func run(_ inventory: DiskInventory, _ logger: Logger) throws(StorageError) {
        let events = try BlockEvents()
        var asked = false
        // A host that does not answer must not keep the others from being asked.
        func ask(_ path: String, _ text: String) {
            do throws(StorageError) {
                try Descriptor.write(text, to: path)
                asked = true
            } catch {
                logger.warning("rescan: \(error)")
            }
        }
        for host in Sysfs.names(in: "/sys/class/scsi_host") { ask("/sys/class/scsi_host/\(host)/scan", "- - -") }
        for disk in Sysfs.names(in: "/sys/class/scsi_disk") { ask("/sys/class/scsi_disk/\(disk)/device/rescan", "1") }
        for controller in Sysfs.names(in: "/sys/class/nvme") {
            ask("/sys/class/nvme/\(controller)/rescan_controller", "1")
        }
        for disk in try inventory.disks() where disk.name.hasPrefix("loop") {
            do throws(StorageError) { try growLoop(disk) } catch { logger.warning("rescan: \(error)") }
        }
        // Hosts report what they find a little after they were asked.
        if asked { events.settle(quiet: .milliseconds(100), limit: .seconds(5)) }
        _ = try inventory.disks()
    }

    /// A loop device keeps the size that its file had when it was attached, until it is told to look again.
    /// A file that became shorter is left alone: what is cut off may still be in use.
    private static func growLoop(_ node: DiskNode) throws(StorageError) {
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
