// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Mounts the filesystem of a device.
///
/// Filesystems of the kernel go through its mount API (fsopen(2), Linux 5.2): the mount is made detached
/// and appears at its place in one step, and the kernel says in words what it does not like. Those that
/// only a FUSE driver can do go through that driver's mount helper (``HelperMount``).
enum FilesystemMount {
    /// Mounts `device` on the directory open as `target`, whose path is `path`.
    static func mount(
        _ device: VolumeDevice, type: String, on target: borrowing Descriptor, path: String, by helper: HelperMount
    ) throws(StorageError) {
        guard let kernelType = try kernelType(for: type) else {
            return try helper.mount(device, type: type, on: target, path: path)
        }
        let mount: Descriptor
        do throws(StorageError) {
            mount = try BriefHold.outlast { () throws(StorageError) in try detached(device, type: kernelType) }
        } catch  where error.code == .busy {
            var error = error
            error.holders = Holders.ofDevice(device)
            throw error
        }
        try checkErrno(
            move_mount(mount.raw, "", target.raw, "", UInt32(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)),
            "move_mount", path)
    }

    /// The top directory of a mount that is attached nowhere and ends with the descriptor; nothing on it can be run or act
    /// as a device. A filesystem that is mounted already, in whichever namespace, is the same then, whatever covers its
    /// other mounts.
    static func privateDirectory(
        _ device: VolumeDevice, type: String, isReadOnly: Bool = false
    ) throws(StorageError) -> Descriptor {
        let mount = try detached(
            device, type: type, attributes: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
            isReadOnly: isReadOnly)
        return Descriptor(
            owning: try checkErrno(
                openat(mount.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "openat", device.path))
    }

    private static func detached(
        _ device: VolumeDevice, type: String, attributes: UInt32 = 0, isReadOnly: Bool = false
    ) throws(StorageError) -> Descriptor {
        // mkfs.btrfs tells the kernel the name by which it was given the device, /proc/PID/fd/N. Linux before 6.13
        // keeps that as the source of the mount, by which nobody finds the device later. A btrfs that is mounted
        // already keeps its name (EBUSY), and a kernel without one is told nothing.
        if type == "btrfs" { _ = cls_btrfs_forget_name(device.path) }
        let context = try MountContext(type, device.path)
        try context.set("source", device.path)
        if isReadOnly { try context.set("ro") }
        return try context.mount(attributes: attributes)
    }

    /// The name under which the running kernel has the filesystem; nil where it has none. Drivers that are
    /// modules count: fsopen loads them.
    private static func kernelType(for type: String) throws(StorageError) -> String? {
        let name = type == "ntfs" ? "ntfs3" : type
        if ["ext2", "ext3", "ext4", "xfs", "btrfs", "vfat"].contains(name) { return name }
        let context = fsopen(name, UInt32(FSOPEN_CLOEXEC))
        if context >= 0 {
            close(context)
            return name
        }
        return errno == ENODEV ? nil : name
    }
}
