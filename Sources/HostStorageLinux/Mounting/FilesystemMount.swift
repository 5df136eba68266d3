// SPDX-License-Identifier: Apache-2.0

import CLibUuid
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
        _ device: VolumeDevice, type: String, on target: borrowing Descriptor, path: String, by helper: HelperMount,
        copies: FilesystemCopies = .mounted
    ) throws(StorageError) {
        guard let kernelType = try kernelType(for: type) else {
            return try helper.mount(device, type: type, on: target, path: path)
        }
        let mount: Descriptor
        do throws(StorageError) {
            mount = try BriefHold.outlast { () throws(StorageError) in
                try detached(device, type: kernelType, copies: copies)
            }
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
            device, type: type, copies: .mounted,
            attributes: UInt32(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC), isReadOnly: isReadOnly)
        return Descriptor(
            owning: try checkErrno(
                openat(mount.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "openat", device.path))
    }

    private static func detached(
        _ device: VolumeDevice, type: String, copies: FilesystemCopies, attributes: UInt32 = 0, isReadOnly: Bool = false
    ) throws(StorageError) -> Descriptor {
        // mkfs.btrfs tells the kernel the name by which it was given the device, /proc/PID/fd/N. Linux before 6.13
        // keeps that as the source of the mount, by which nobody finds the device later. A btrfs that is mounted
        // already keeps its name (EBUSY), and a kernel without one is told nothing.
        if type == "btrfs" { _ = cls_btrfs_forget_name(device.path) }
        // Every other filesystem refuses by itself. Since Linux 6.8 a btrfs that is mounted read-only becomes writable by
        // a second mount that can write, and its first user has mounted it read-only for a reason.
        if type == "btrfs", !isReadOnly, Holders.isMountedReadOnly(device.device) {
            throw StorageError(.busy, "its btrfs is mounted read-only", subject: device.path)
        }
        let flags = isReadOnly ? ["ro"] : []
        let mount: Descriptor
        do throws(StorageError) {
            mount = try detached(device, type: type, flags: flags, attributes)
        } catch  where type == "xfs" && error.isSystemCall(errno: EINVAL) {
            mount = try besideOriginal(device, error, copies, flags: flags, attributes)
        } catch  where type == "btrfs" && error.isSystemCall(errno: EEXIST) {
            // Linux before 6.7 knows one device by a UUID.
            throw StorageError(
                .failedPrecondition,
                "it has the UUID of another btrfs, which this kernel does not mount it beside; unmount that one",
                subject: device.path, cause: error.cause)
        }
        try require(device, below: mount, type: type)
        return mount
    }

    private static func detached(
        _ device: VolumeDevice, type: String, flags: [String], _ attributes: UInt32
    ) throws(StorageError) -> Descriptor {
        let log = KernelLog()
        let context = try MountContext(type, device.path)
        do throws(StorageError) {
            try context.set("source", device.path)
            for flag in flags { try context.set(flag) }
            return try context.mount(attributes: attributes)
        } catch {
            let name = device.path.split(separator: "/").last.map(String.init) ?? device.path
            throw explained(error, type, log?.words(about: name) ?? [])
        }
    }

    /// What the kernel's errors mean in a mount of a device, which is there: it has just been open.
    ///
    /// - Parameter words: what the kernel's log says of the device.
    private static func explained(_ error: StorageError, _ type: String, _ words: [String]) -> StorageError {
        guard case .systemCall(_, let code, _)? = error.cause else { return error }
        var error = error
        switch code {
        case ENOENT where type == "btrfs":
            error.code = .failedPrecondition
            error.detail =
                "a device of this btrfs is missing, or the kernel has not been told of it (btrfs device scan)"
        case ENOENT: (error.code, error.detail) = (.failedPrecondition, "something that its \(type) takes is missing")
        case ENODEV, ENXIO: error.code = .failedPrecondition
        case EINVAL:
            error.code = .failedPrecondition
            if error.detail == StorageError(errno: code, "").detail {
                error.detail = "the kernel does not take it for a whole \(type) that it can mount"
            }
        default: break
        }
        if !words.isEmpty { error.detail += "; the kernel's log: \(words.joined(separator: "; "))" }
        return error
    }

    /// Mounts an xfs that the kernel has refused, if that was for its UUID, which another xfs has that is mounted: a
    /// clone's original. The kernel says so in its log alone. "nouuid" lets nothing else pass, but an xfs without a UUID
    /// (Linux: fs/xfs/xfs_mount.c, xfs_uuid_mount).
    private static func besideOriginal(
        _ device: VolumeDevice, _ refusal: StorageError, _ copies: FilesystemCopies, flags: [String],
        _ attributes: UInt32
    ) throws(StorageError) -> Descriptor {
        // XFS Algorithms & Data Structures, "Superblocks": sb_uuid
        let uuid = try Descriptor(opening: device.path, O_RDONLY).bytes(at: 32, count: 16, device.path)
        guard uuid.contains(where: { $0 != 0 }) else { throw refusal }
        do throws(StorageError) {
            switch copies {
            case .mounted: return try detached(device, type: "xfs", flags: flags + ["nouuid"], attributes)
            case .refused:
                // Writes nothing, and ends at once.
                _ = try detached(device, type: "xfs", flags: ["nouuid", "ro", "norecovery"], attributes)
            }
        } catch {
            throw refusal
        }
        throw StorageError(
            .failedPrecondition, "an xfs with the same UUID is mounted: it is a copy of that one, or that one of it",
            subject: device.path)
    }

    /// Fails where what has been mounted is on another device. The kernel finds a btrfs by its UUID, which a copy shares
    /// with its original.
    private static func require(
        _ device: VolumeDevice, below mount: borrowing Descriptor, type: String
    ) throws(StorageError) {
        let status = try mount.status(device.path)
        if status.device.major != 0 {
            guard status.device != device.device else { return }
        } else {
            guard type == "btrfs" else { return }
            let top = Descriptor(
                owning: try checkErrno(
                    openat(mount.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "openat", device.path))
            var uuid = [UInt8](repeating: 0, count: 16)
            try check(cls_btrfs_uuid(top.raw, &uuid), "BTRFS_IOC_FS_INFO", device.path)
            let members = "/sys/fs/btrfs/\(uuidText(uuid))/devices"
            if Sysfs.names(in: members).contains(device.name) { return }
        }
        throw StorageError(
            .failedPrecondition, "the kernel has mounted another device with the same filesystem UUID in its place",
            subject: device.path)
    }

    private static func uuidText(_ uuid: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: 37)
        uuid_unparse_lower(uuid, &text)
        return String(decoding: text.prefix(36).map(UInt8.init(bitPattern:)), as: UTF8.self)
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
