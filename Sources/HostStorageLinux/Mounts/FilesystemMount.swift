// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Mounts the filesystem of a device.
///
/// Filesystems of the kernel go through its mount API (fsopen(2), Linux 5.2): the mount is made detached and appears at
/// its place in one step, and the kernel describes errors in words. Those that only a FUSE driver can do go through
/// that driver's mount helper (``HelperMount``).
enum FilesystemMount {
    /// Mounts `device` on the directory open as `target`, whose path is `path`.
    static func mount(
        _ device: VolumeDevice, _ driver: any FilesystemDriver, on target: borrowing Descriptor, path: String,
        by helper: HelperMount, copies: FilesystemCopies = .mounted
    ) throws(StorageError) {
        guard isKnownToKernel(driver) else {
            return try helper.mount(device, driver, on: target, path: path)
        }
        let mount: Descriptor
        do throws(StorageError) {
            mount = try BriefHold.outlast { () throws(StorageError) in
                try detached(device, driver, copies: copies)
            }
        } catch  where error.code == .busy {
            throw error.held(by: Holders.ofDevice(device))
        }
        try attach(mount, to: target, path)
    }

    /// Puts a detached mount on a directory.
    static func attach(
        _ mount: borrowing Descriptor, to target: borrowing Descriptor, _ path: String
    ) throws(StorageError) {
        try checkErrno(
            move_mount(mount.raw, "", target.raw, "", UInt32(MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)),
            "move_mount", path)
    }

    /// The top directory of a mount that is attached nowhere and ends with the descriptor; nothing on it can be run or
    /// act as a device. If the filesystem is mounted already, in any namespace, this is another mount of it, also where
    /// other mounts cover its places.
    static func privateDirectory(
        _ device: VolumeDevice, _ driver: any FilesystemDriver, isReadOnly: Bool = false
    ) throws(StorageError) -> Descriptor {
        let mount = try detached(
            device, driver, copies: .mounted,
            attributes: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), isReadOnly: isReadOnly)
        return try Descriptor(in: mount, O_RDONLY | O_DIRECTORY, device.path)
    }

    private static func detached(
        _ device: VolumeDevice, _ driver: any FilesystemDriver, copies: FilesystemCopies, attributes: UInt32 = 0,
        isReadOnly: Bool = false
    ) throws(StorageError) -> Descriptor {
        try driver.prepareMount(of: device, isReadOnly: isReadOnly)
        let flags = isReadOnly ? ["ro"] : []
        let mount: Descriptor
        do throws(StorageError) {
            mount = try detached(device, driver, flags: flags, attributes)
        } catch {
            mount = try driver.afterRefusal(error, of: device, copies) { more throws(StorageError) in
                try detached(device, driver, flags: flags + more, attributes)
            }
        }
        let status = try mount.status(device.path)
        let isOfDevice =
            try status.device.major != 0
            ? status.device == device.device : driver.isMounted(device, below: mount)
        guard isOfDevice else {
            throw StorageError(
                .failedPrecondition, "the kernel has mounted another device with the same filesystem UUID in its place",
                subject: device.path)
        }
        return mount
    }

    private static func detached(
        _ device: VolumeDevice, _ driver: any FilesystemDriver, flags: [String], _ attributes: UInt32
    ) throws(StorageError) -> Descriptor {
        let log = KernelLog()
        let context = try MountContext(driver.kernelName, device.path)
        do throws(StorageError) {
            try context.set("source", device.path)
            for flag in flags { try context.set(flag) }
            return try context.mount(attributes: attributes)
        } catch {
            let name = device.path.split(separator: "/").last.map(String.init) ?? device.path
            throw explained(error, driver, log?.words(about: name) ?? [])
        }
    }

    /// The meaning of the kernel's errors in a mount of a device, which is there: it has just been open.
    ///
    /// - Parameter words: the kernel's log about the device.
    private static func explained(
        _ error: StorageError, _ driver: any FilesystemDriver, _ words: [String]
    ) -> StorageError {
        guard case .systemCall(_, let code, _)? = error.cause else { return error }
        var error = error
        switch code {
        case ENOENT: (error.code, error.detail) = (.failedPrecondition, driver.missing)
        case ENODEV, ENXIO: error.code = .failedPrecondition
        case EINVAL:
            error.code = .failedPrecondition
            if error.detail == StorageError(errno: code, "").detail {
                error.detail = "the kernel does not take it for a whole \(driver.kernelName) that it can mount"
            }
        default: break
        }
        if !words.isEmpty { error.detail += "; the kernel's log: \(words.joined(separator: "; "))" }
        return error
    }

    /// Whether the running kernel has the filesystem. Drivers that are modules count: fsopen loads them.
    private static func isKnownToKernel(_ driver: any FilesystemDriver) -> Bool {
        // One that the kernel alone mounts is left to it, for its error.
        if driver.mountHelpers.isEmpty { return true }
        let context = fsopen(driver.kernelName, UInt32(FSOPEN_CLOEXEC))
        if context >= 0 { close(context) }
        return context >= 0 || errno != ENODEV
    }
}
