// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

extension Descriptor {
    /// Opens what has this one name, without a separator in it, in this directory. A link is ELOOP.
    ///
    /// What the name stands for is pinned first and asked afterwards what it is, so that nothing that
    /// replaces it meanwhile is opened, and no FIFO or device by mistake.
    ///
    /// - Parameter crossingMounts: where false, a mount on the name is EXDEV, and what is mounted, which may
    ///   be the dead mount of a server, is not asked anything.
    func openName(
        _ name: String, _ flags: Int32, crossingMounts: Bool = true, _ subject: String
    ) throws(StorageError) -> Descriptor {
        let place = Descriptor(
            owning: try checkErrno(openat(raw, name, cls_O_PATH | O_NOFOLLOW | O_CLOEXEC), "openat", subject))
        let status = try place.status(subject)
        if status.isLink { throw StorageError(errno: ELOOP, "openat", subject) }
        if !crossingMounts, status.mountID != (try self.status(subject)).mountID {
            throw StorageError(errno: EXDEV, "openat", subject)
        }
        if flags & O_DIRECTORY != 0, !status.isDirectory { throw StorageError(errno: ENOTDIR, "openat", subject) }
        if flags & cls_O_PATH != 0 { return place }
        if status.isDirectory {
            return Descriptor(owning: try checkErrno(openat(place.raw, ".", flags | O_CLOEXEC), "openat", subject))
        }
        return try Descriptor(opening: "/proc/self/fd/\(place.raw)", flags)
    }

    /// The text of the link `name` in this directory.
    func linkText(of name: String, _ subject: String) throws(StorageError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try checkErrno(readlinkat(raw, name, &buffer, buffer.count), "readlinkat", subject)
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
