// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Dispatch
import Glibc
import HostStorage

/// Puts a mount at a place where another may be.
enum MountReplacement {
    /// MOVE_MOUNT_BENEATH, Linux 6.5.
    private static let beneath: UInt32 = 0x200

    /// Attaches `mount` to the name in `directory` and takes away the mount that was there, which stays usable for
    /// processes with files open in it. From Linux 6.5 on, there is no moment at which neither is there.
    static func put(
        _ mount: borrowing Descriptor, at name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) {
        if try isMounted(name, in: directory, subject) {
            let flags = UInt32(MOVE_MOUNT_F_EMPTY_PATH) | beneath
            if move_mount(mount.raw, "", directory.raw, name, flags) == 0 {
                return try detach(name, in: directory, subject)
            }
            // An older kernel's error for a flag that it does not know.
            guard errno == EINVAL else { throw StorageError(errno: errno, "move_mount", subject) }
            while try isMounted(name, in: directory, subject) { try detach(name, in: directory, subject) }
        }
        try checkErrno(
            move_mount(mount.raw, "", directory.raw, name, UInt32(MOVE_MOUNT_F_EMPTY_PATH)), "move_mount", subject)
    }

    /// Whether something is mounted on the name. The mounted filesystem is not asked: its server may be gone.
    static func isMounted(
        _ name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) -> Bool {
        let top = try directory.openName(name, cls_O_PATH | O_DIRECTORY, subject)
        return try top.mountID() != directory.mountID()
    }

    /// Takes the topmost mount on the name away, at once: files open in it stay open. For filesystems of servers, which
    /// an unmount would wait for.
    static func detach(
        _ name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) {
        let top = try checkErrno(
            openat(directory.raw, name, cls_O_PATH | O_NOFOLLOW | O_CLOEXEC), "openat", subject)
        // Not before the mount is off its name. The last close ends it, and the kernel waits then for a server or a device
        // that may never answer: on a queue, and so a thread, of its own, for the others are not to wait behind it.
        defer { DispatchQueue(label: "host-storage.detached-mount").async { close(top) } }
        try checkErrno(
            umount2("/proc/self/fd/\(directory.raw)/\(name)", Int32(MNT_DETACH | UMOUNT_NOFOLLOW)),
            "umount2", subject)
    }
}
