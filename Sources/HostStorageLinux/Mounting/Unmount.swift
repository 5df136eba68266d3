// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Takes mounts away. Never lazily: a success means that the filesystem is no longer mounted there.
enum Unmount {
    static func unmount(
        _ name: String, in directory: borrowing Descriptor, _ place: HostPath
    ) throws(StorageError) {
        try unmount(name, in: directory, place.hostPath, subject: "\(place)")
    }

    /// Writes the data of the mount on `name` in `directory` out and unmounts it.
    ///
    /// The mount is named by its parent's descriptor, not by its own, which would keep it busy.
    ///
    /// - Parameters:
    ///   - place: its absolute path on the host, to tell holders by.
    ///   - subject: its path as callers are told it, where that differs.
    static func unmount(
        _ name: String, in directory: borrowing Descriptor, _ place: String, subject: String? = nil
    ) throws(StorageError) {
        let subject = subject ?? place
        let mountID = try directory.status(of: name, subject).mountID
        try flush(name, in: directory, subject)
        let path = "/proc/self/fd/\(directory.raw)/\(name)"
        // Whoever walks by (a probe, an event handler, a backup) holds a mount for a moment.
        for attempt in 0..<20 {
            if attempt > 0 { usleep(50_000) }
            let result = cls_unmount(path)
            if result != -EBUSY {
                try check(result, "umount2", subject)
                return
            }
        }
        var error = StorageError(errno: EBUSY, "umount2", subject)
        error.detail = "it is in use"
        error.holders = Holders.ofMount(at: place, mountID: mountID)
        throw error
    }

    /// Writes the data of the mount out. Of one whose server is gone nothing can be written any more, and
    /// that must not keep it from being taken away.
    private static func flush(
        _ name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) {
        let top: Descriptor
        do throws(StorageError) {
            top = try directory.openName(name, O_RDONLY | O_NONBLOCK | O_NOCTTY, subject)
        } catch  where error.code == .inputOutput {
            return
        }
        try check(cls_syncfs(top.raw), "syncfs", subject)
    }
}
