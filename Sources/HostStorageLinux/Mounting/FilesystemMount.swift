// SPDX-License-Identifier: Apache-2.0

import CLibMount
import CLinuxStorage
import Glibc
import HostStorage

/// Mounts the filesystem of a device.
///
/// Filesystems of the kernel go through its mount API (fsopen(2), Linux 5.2): the mount is made detached
/// and appears at its place in one step, and the kernel says in words what it does not like. Those that
/// only a FUSE driver can do go through libmount and that driver's mount helper.
enum FilesystemMount {
    /// Mounts `device` on the directory open as `target`, whose path is `path`.
    static func mount(
        _ device: VolumeDevice, type: String, on target: borrowing Descriptor, path: String
    ) throws(StorageError) {
        guard let kernelType = try kernelType(for: type) else {
            return try mountByHelper(device, type: type, path: path)
        }
        let mount = try detached(device, type: kernelType, flags: 0)
        try checkErrno(
            move_mount(mount.raw, "", target.raw, "", UInt32(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)),
            "move_mount", path)
    }

    /// A mount that is attached nowhere and ends with its descriptor. Used to grow an unmounted
    /// filesystem; nothing on it can be run or act as a device.
    static func privately(_ device: VolumeDevice, type: String) throws(StorageError) -> Descriptor {
        try detached(device, type: type, flags: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))
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

    private static func mountByHelper(_ device: VolumeDevice, type: String, path: String) throws(StorageError) {
        let candidates = type == "ntfs" ? ["ntfs-3g", "ntfs"] : ["\(type)-fuse", type]
        let type = candidates.first { name in
            ["/sbin", "/usr/sbin"].contains { access("\($0)/mount.\(name)", X_OK) == 0 }
        }
        guard let type else {
            throw StorageError(
                .unsupported, "neither the kernel nor a mount helper on this host knows \(candidates[0])",
                subject: device.path)
        }
        guard let context = mnt_new_context() else { throw StorageError(errno: ENOMEM, "mnt_new_context", path) }
        defer { mnt_free_context(context) }
        for result in [
            mnt_context_disable_mtab(context, 1), mnt_context_set_fstype(context, type),
            mnt_context_set_source(context, device.path), mnt_context_set_target(context, path),
        ] { try check(result, "mnt_context", path) }
        let result = mnt_context_mount(context)
        guard result == 0, mnt_context_helper_executed(context) == 0 || mnt_context_get_helper_status(context) == 0
        else {
            var text = [CChar](repeating: 0, count: 512)
            _ = mnt_context_get_excode(context, result, &text, text.count)
            throw StorageError(
                .internalError, String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
                subject: path,
                cause: .program("mount.\(type)", status: mnt_context_get_helper_status(context), output: ""))
        }
    }
}
