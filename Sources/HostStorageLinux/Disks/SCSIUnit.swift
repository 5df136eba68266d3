// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// A logical unit that the kernel has found, whether or not its driver has made a block device of it yet.
struct SCSIUnit: Sendable, Hashable {
    /// host:channel:target:lun
    let address: String
    /// Whether it is to be a disk.
    let isDisk: Bool
    /// The kernel's name of the disk: "sdb"; nil where there is none yet.
    let block: String?

    /// The first byte of a unit's INQUIRY data: it is there for this host, and is a direct access block device, an
    /// optical memory, a simplified or a zoned one (SPC-4, 6.6.2; Linux: drivers/scsi/sd.c, sd_probe).
    private static let diskTypes: Set<UInt8> = [0x00, 0x07, 0x0E, 0x14]

    /// Fails where it cannot be read: a search for disks in use must not overlook it.
    ///
    /// - Parameter directory: of sysfs; nil where the unit has gone.
    init?(at directory: String, address: String) throws(StorageError) {
        let inquiry: [UInt8]
        do throws(StorageError) {
            inquiry = try Descriptor.bytes(of: "\(directory)/inquiry")
        } catch  where error.isSystemCall(errno: ENOENT) {
            return nil
        }
        self.address = address
        isDisk = inquiry.first.map(Self.diskTypes.contains) ?? false
        block = try Sysfs.names(in: "\(directory)/block").first
    }

    /// All of this machine.
    static func all() throws(StorageError) -> [SCSIUnit] {
        let root = "/sys/class/scsi_device"
        return try Sysfs.names(in: root).compactMap { try? SCSIUnit(at: "\(root)/\($0)/device", address: $0) }
    }

    /// Whether it is a disk that can be opened. Its directory in sysfs is there before.
    var isUsableDisk: Bool {
        guard let block else { return false }
        return access("/sys/block/\(block)/diskseq", F_OK) == 0 && access(BlockDeviceName.path(of: block), F_OK) == 0
    }
}
