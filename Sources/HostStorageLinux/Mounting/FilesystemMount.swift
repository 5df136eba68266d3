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
        let mount = try detached(device, type: kernelType, flags: 0)
        try checkErrno(
            move_mount(mount.raw, "", target.raw, "", UInt32(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)),
            "move_mount", path)
    }

    /// The top directory of a mount that is attached nowhere and ends with the descriptor. Used to grow an
    /// unmounted filesystem; nothing on it can be run or act as a device.
    static func privateDirectory(_ device: VolumeDevice, type: String) throws(StorageError) -> Descriptor {
        let mount = try detached(
            device, type: type, flags: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))
        return Descriptor(
            owning: try checkErrno(
                openat(mount.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "openat", device.path))
    }

    private static func detached(_ device: VolumeDevice, type: String, flags: UInt32) throws(StorageError) -> Descriptor
    {
        // mkfs.btrfs tells the kernel the name by which it was given the device, /proc/PID/fd/N. Linux before 6.13
        // keeps that as the source of the mount, by which nobody finds the device later. A btrfs that is mounted
        // already keeps its name (EBUSY), and a kernel without one is told nothing.
        if type == "btrfs" { _ = cls_btrfs_forget_name(device.path) }
        let context = Descriptor(owning: try checkErrno(fsopen(type, UInt32(FSOPEN_CLOEXEC)), "fsopen", type))
        do throws(StorageError) {
            try checkErrno(
                fsconfig(context.raw, FSCONFIG_SET_STRING.rawValue, "source", device.path, 0), "fsconfig", device.path)
            try checkErrno(fsconfig(context.raw, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0), "fsconfig", device.path)
            let mount = Descriptor(
                owning: try checkErrno(fsmount(context.raw, UInt32(FSMOUNT_CLOEXEC), flags), "fsmount", device.path))
            return mount
        } catch {
            var error = error
            let words = messages(of: context)
            if !words.isEmpty { error.detail = words.joined(separator: "; ") }
            throw error
        }
    }

    /// What the kernel has to say of a failed mount: lines that begin with "e ", "w " or "i ".
    private static func messages(of context: borrowing Descriptor) -> [String] {
        var lines: [String] = []
        var buffer = [UInt8](repeating: 0, count: 1024)
        while lines.count < 8 {
            let count = read(context.raw, &buffer, buffer.count)
            guard count > 2 else { return lines }
            var line = String(decoding: buffer[2..<count], as: UTF8.self)
            if line.hasSuffix("\n") { line.removeLast() }
            lines.append(line)
        }
        return lines
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
