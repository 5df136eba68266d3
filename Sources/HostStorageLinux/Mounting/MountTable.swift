// SPDX-License-Identifier: Apache-2.0

import CLibMount
import CLinuxStorage
import Glibc
import HostStorage

/// One mount of this process's namespace, as /proc/self/mountinfo has it.
struct Mount: Sendable, Hashable {
    let id: Int
    /// The device number of the filesystem. Of filesystems that span devices (btrfs) it is a number of the
    /// kernel's own making; then ``source`` tells the device.
    let device: DeviceNumber
    let source: String
    /// The kernel's name of the filesystem.
    let type: String
    let target: String
    /// The directory of the filesystem that is mounted; "/" unless it is a bind mount of a part.
    let root: String
}

/// The table of mounts, read by libmount. Reading it takes time in proportion to its length, so a question
/// about one path is statx's; this answers "where is this device mounted".
enum MountTable {
    static func read(_ path: String = "/proc/self/mountinfo") throws(StorageError) -> [Mount] {
        guard let table = mnt_new_table_from_file(path) else {
            throw StorageError(errno: errno, "mnt_new_table_from_file", path)
        }
        defer { mnt_unref_table(table) }
        var mounts: [Mount] = []
        try forEachEntry(of: table) { entry in
            mounts.append(
                Mount(
                    id: Int(mnt_fs_get_id(entry)),
                    device: DeviceNumber(mnt_fs_get_devno(entry)),
                    source: mnt_fs_get_source(entry).map { String(cString: $0) } ?? "",
                    type: mnt_fs_get_fstype(entry).map { String(cString: $0) } ?? "",
                    target: mnt_fs_get_target(entry).map { String(cString: $0) } ?? "",
                    root: mnt_fs_get_root(entry).map { String(cString: $0) } ?? ""))
        }
        return mounts
    }

    /// The devices and files of active swap, as /proc/swaps has them; none on a kernel without swap.
    static func swaps() throws(StorageError) -> [String] {
        guard let table = mnt_new_table() else { throw StorageError(errno: ENOMEM, "mnt_new_table") }
        defer { mnt_unref_table(table) }
        let result = mnt_table_parse_swaps(table, nil)
        if result == -ENOENT { return [] }
        try check(result, "mnt_table_parse_swaps")
        var paths: [String] = []
        try forEachEntry(of: table) { entry in
            if let path = mnt_fs_get_source(entry) { paths.append(String(cString: path)) }
        }
        return paths
    }

    private static func forEachEntry(
        of table: OpaquePointer, _ body: (OpaquePointer) -> Void
    ) throws(StorageError) {
        guard let iterator = mnt_new_iter(Int32(MNT_ITER_FORWARD)) else {
            throw StorageError(errno: ENOMEM, "mnt_new_iter")
        }
        defer { mnt_free_iter(iterator) }
        var entry: OpaquePointer?
        while mnt_table_next_fs(table, iterator, &entry) == 0, let current = entry { body(current) }
    }

    /// The mounts of a block device.
    static func mounts(of device: DeviceNumber) throws(StorageError) -> [Mount] {
        try read().filter { $0.blockDevice == device }
    }
}

extension Mount {
    /// The block device below the filesystem; nil where there is none.
    var blockDevice: DeviceNumber? {
        if device.major != 0 { return device }
        // The node is looked at, and the device not opened: it may hang.
        guard source.hasPrefix("/dev/"), let node = try? Descriptor(opening: source, cls_O_PATH),
            let status = try? node.status(source), status.isBlockDevice
        else { return nil }
        return status.special
    }
}

extension FileStatus {
    /// The block device that holds the file; nil where it is on no block device.
    func blockDevice() throws(StorageError) -> DeviceNumber? {
        if device.major != 0 { return device }
        return try MountTable.read().first { $0.id == Int(mountID) }?.blockDevice
    }
}
