// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Other block devices that show the bytes of a volume: a loop device on its disk, what its disk is a loop device on, and
/// loop devices whose files or ranges overlap.
///
/// The kernel takes them for devices that have nothing to do with each other, and mounts a filesystem from both, which
/// destroys it.
enum LoopAliases {
    /// Fails where one of them is in use.
    static func refuseUsed(of volume: OpenVolume) throws(StorageError) {
        var names = Holders.loops(on: volume.device)
        if volume.partition != nil { names += Holders.loops(on: volume.disk.wholeDevice) }
        if volume.disk.node.isLoop { names += try below(volume.disk) }
        for name in names where try isInUse(name) {
            var error = StorageError(
                .failedPrecondition, "the same bytes are in use as /dev/\(name)", subject: volume.device.path)
            error.holders = [.device(name: name)]
            throw error
        }
    }

    private static func below(_ disk: OpenDisk) throws(StorageError) -> [String] {
        let own = try LoopBacking(of: disk.descriptor, disk.path)
        if let special = own.special { return Sysfs.linkName("/sys/dev/block/\(special)").map { [$0] } ?? [] }
        let text = try Sysfs.attribute("\(disk.node.sysfsPath)/loop/backing_file")
        var names: [String] = []
        for name in Sysfs.names(in: "/sys/block") where name.hasPrefix("loop") && name != disk.node.name {
            // Asked of sysfs first, for to open a device that hangs can hang.
            guard let text, try Sysfs.attribute("/sys/block/\(name)/loop/backing_file") == text,
                let device = try? Descriptor(opening: "/dev/\(name)", O_RDONLY | O_NONBLOCK),
                let other = try? LoopBacking(of: device, "/dev/\(name)"), other.overlaps(own)
            else { continue }
            names.append(name)
        }
        return names
    }

    private static func isInUse(_ name: String) throws(StorageError) -> Bool {
        do throws(StorageError) {
            _ = try BriefHold.outlast { () throws(StorageError) in
                try Descriptor(opening: "/dev/\(name)", O_RDONLY | O_EXCL | O_NONBLOCK)
            }
            return false
        } catch  where error.code == .busy {
            return true
        } catch  where [.notFound, .inputOutput].contains(error.code) {
            return false
        }
    }
}

/// The part of a file, or of a block device, that a loop device shows.
private struct LoopBacking {
    private let file: DeviceNumber
    private let inode: UInt64
    private let range: Range<UInt64>
    /// The block device that its file is.
    let special: DeviceNumber?

    init(of device: borrowing Descriptor, _ subject: String) throws(StorageError) {
        var status = cls_loop_status()
        try check(cls_loop_status(device.raw, &status), "LOOP_GET_STATUS64", subject)
        file = DeviceNumber(major: UInt32(status.backing_major), minor: UInt32(status.backing_minor))
        inode = status.backing_inode
        let end = status.size_limit == 0 ? .max : status.offset.addingReportingOverflow(status.size_limit).partialValue
        range = status.offset..<max(end, status.offset)
        let special = DeviceNumber(major: UInt32(status.special_major), minor: UInt32(status.special_minor))
        self.special = special.major == 0 || special == file ? nil : special
    }

    func overlaps(_ other: LoopBacking) -> Bool {
        special == nil && file == other.file && inode == other.inode && range.overlaps(other.range)
    }
}
