// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Whether a mounted filesystem still works.
///
/// The kernel's table shows it for some (ext4 since Linux 6.8). Others show it by the error of a call, which must be
/// one that does not wait for the device.
enum MountHealth {
    /// Why nothing more can be written to the filesystem of the topmost mount on `name` in `directory`, whether its
    /// device answers or not; nil where it works. After an error that was to make ext4 read-only, some kernels (Linux
    /// 6.1.y) show it neither in the table nor by sync: only writers are refused.
    static func death(
        of mount: Mount, on name: String, in directory: borrowing Descriptor
    ) throws(StorageError) -> String? {
        if let death = try visibleDeath(of: mount, on: name, in: directory) { return death }
        // A file without a name, which is gone when it is closed. It takes a filesystem that still writes, and no disk.
        let file = openat(directory.raw, name, cls_O_TMPFILE | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0o600)
        if file < 0 { return mount.isReadOnly ? nil : meaning(ofErrno: errno) }
        close(file)
        return nil
    }

    /// The same as far as it shows without a write.
    static func visibleDeath(
        of mount: Mount, on name: String, in directory: borrowing Descriptor
    ) throws(StorageError) -> String? {
        if let death = try mount.reportedDeath { return death }
        let top = openat(directory.raw, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC)
        if top < 0 { return meaning(ofErrno: errno) }
        close(top)
        return nil
    }

    /// Why the mount is of no use for writing there, a disk that takes no data included.
    static func fault(
        of mount: Mount, on name: String, in directory: borrowing Descriptor
    ) throws(StorageError) -> String? {
        if let death = try death(of: mount, on: name, in: directory) { return death }
        let raw = openat(directory.raw, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC)
        if raw < 0 { return meaning(ofErrno: errno) }
        let top = Descriptor(owning: raw)
        if fsync(top.raw) < 0, let fault = meaning(ofErrno: errno) { return fault }
        return mount.isReadOnly ? "it is read-only" : nil
    }

    static func meaning(ofErrno code: Int32) -> String? {
        switch code {
        case EIO, ENODEV, ENXIO, EUCLEAN, EREMOTEIO, ESHUTDOWN: "its filesystem was shut down"
        case EROFS: "its filesystem has become read-only by an error"
        case ENOTCONN, ECONNABORTED: "the program that serves it has ended"
        case ESTALE: "its server does not know it any more"
        default: nil
        }
    }
}

extension Mount {
    /// The kernel's own report of a fault of the filesystem.
    fileprivate var reportedDeath: String? {
        get throws(StorageError) {
            if try hasLostItsDevice { return "its device is gone" }
            // Linux: fs/ext4/super.c, _ext4_show_options
            if options.contains("shutdown") { return "its filesystem was shut down" }
            return options.contains("emergency_ro") ? "its filesystem has become read-only by an error" : nil
        }
    }

    var isReadOnly: Bool { options.contains("ro") }

    /// Whether a server or a program serves it, which may not answer: data not written when it is given up are lost.
    var isServed: Bool {
        ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "ncpfs", "lustre", "gpfs", "virtiofs", "fuse", "fuseblk"]
            .contains(type)
            || type.hasPrefix("fuse.")
    }
}
