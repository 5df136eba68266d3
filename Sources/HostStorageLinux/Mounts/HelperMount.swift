// SPDX-License-Identifier: Apache-2.0

import CLibMount
import CLinuxStorage
import Glibc
import HostStorage

/// Mounts filesystems that only a FUSE driver can do, by libmount and that driver's mount helper.
///
/// A helper takes the place as text, which another process could swap for a link before the helper opens it. So it
/// mounts in a private directory, and from there the mount is put on the target's descriptor.
struct HelperMount: Sendable {
    /// Where helpers mount; made with mode 0700.
    let directory: String

    func mount(
        _ device: VolumeDevice, _ driver: any FilesystemDriver, on target: borrowing Descriptor, path: String
    ) throws(StorageError) {
        let helper = try Self.helper(of: driver, for: device)
        try makeDirectories(directory)
        let holder = try Descriptor(opening: directory, cls_O_PATH | O_DIRECTORY)
        // One place a device: its disk's queue admits one mount at a time, and finds a killed process's remains.
        let place = "\(directory)/\(device.name)"
        if mkdirat(holder.raw, device.name, 0o700) < 0 {
            guard errno == EEXIST else { throw StorageError(errno: errno, "mkdirat", place) }
            while try holder.status(of: device.name, place).isMountRoot {
                try check(cls_unmount(place), "umount2", place)
            }
        }
        defer { unlinkat(holder.raw, device.name, AT_REMOVEDIR) }
        try Self.run(helper, device, place, path)
        defer { _ = cls_unmount(place) }
        let mount = Descriptor(
            owning: try checkErrno(
                open_tree(holder.raw, device.name, UInt32(OPEN_TREE_CLONE) | UInt32(OPEN_TREE_CLOEXEC)), "open_tree",
                place))
        try FilesystemMount.attach(mount, to: target, path)
    }

    /// The name by which mount(8) finds the driver.
    private static func helper(
        of driver: any FilesystemDriver, for device: VolumeDevice
    ) throws(StorageError) -> String {
        let helper = driver.mountHelpers.first { name in
            ["/sbin", "/usr/sbin"].contains { access("\($0)/mount.\(name)", X_OK) == 0 }
        }
        guard let helper else {
            throw StorageError(
                .unsupported,
                "neither the kernel nor a mount helper on this host knows \(driver.mountHelpers.first ?? driver.type)",
                subject: device.path)
        }
        return helper
    }

    private static func run(
        _ helper: String, _ device: VolumeDevice, _ place: String, _ path: String
    ) throws(StorageError) {
        guard let context = mnt_new_context() else { throw StorageError(errno: ENOMEM, "mnt_new_context", path) }
        defer { mnt_free_context(context) }
        for result in [
            mnt_context_disable_mtab(context, 1), mnt_context_set_fstype(context, helper),
            mnt_context_set_source(context, device.path), mnt_context_set_target(context, place),
        ] { try check(result, "mnt_context", path) }
        let result = mnt_context_mount(context)
        guard result == 0, mnt_context_helper_executed(context) == 0 || mnt_context_get_helper_status(context) == 0
        else {
            var text = [CChar](repeating: 0, count: 512)
            _ = mnt_context_get_excode(context, result, &text, text.count)
            throw StorageError(
                .internalError, String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
                subject: path,
                cause: .program("mount.\(helper)", status: mnt_context_get_helper_status(context), output: ""))
        }
    }
}
