// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

extension Descriptor {
    /// Opens a name, without a separator in it, in this directory. A link is ELOOP.
    ///
    /// Opens the name with O_PATH first and checks its type afterwards, so that no replacement is opened meanwhile, and
    /// no FIFO or device by mistake.
    ///
    /// - Parameter limits: which mounts may be met.
    func openName(
        _ name: String, _ flags: Int32, crossing limits: MountLimits? = nil, _ subject: String
    ) throws(StorageError) -> Descriptor {
        let place = try Descriptor(opening: name, in: self, cls_O_PATH | O_NOFOLLOW, subject)
        // Before anything is asked of it.
        try limits?.require(place, subject)
        let status = try place.status(subject)
        if status.isLink { throw StorageError(errno: ELOOP, "openat", subject) }
        if flags & O_DIRECTORY != 0, !status.isDirectory { throw StorageError(errno: ENOTDIR, "openat", subject) }
        if flags & cls_O_PATH != 0 { return place }
        if status.isDirectory { return try Descriptor(in: place, flags, subject) }
        return try Descriptor(opening: "/proc/self/fd/\(place.raw)", flags)
    }

    /// Opens a directory in this one, by the bytes of its name, to read it. A link is ELOOP or ENOTDIR; a mount, of the
    /// same filesystem too, EXDEV, and the mounted filesystem is not asked.
    func openDirectoryHere(_ name: [UInt8], _ subject: () -> String) throws(StorageError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
        if Resolution.available == .kernel {
            let resolve = CLS_RESOLVE_NO_XDEV | CLS_RESOLVE_NO_SYMLINKS | CLS_RESOLVE_BENEATH
            var result: Int32 = -EAGAIN
            for _ in 0..<128 where result == -EAGAIN {
                result = name.withCString { cls_openat2(raw, $0, UInt64(UInt32(bitPattern: flags)), resolve) }
            }
            guard result >= 0 else { throw StorageError(errno: -result, "openat2", subject()) }
            return Descriptor(owning: result)
        }
        let pinned = name.withCString { openat(raw, $0, cls_O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC) }
        guard pinned >= 0 else { throw StorageError(errno: errno, "openat", subject()) }
        let place = Descriptor(owning: pinned)
        guard try place.mountID() == mountID() else { throw StorageError(errno: EXDEV, "openat", subject()) }
        return try Descriptor(in: place, flags, subject())
    }

    /// The text of the link `name` in this directory.
    func linkText(of name: String, _ subject: String) throws(StorageError) -> String {
        guard let text = try linkTextIfLink(of: name, subject) else {
            throw StorageError(errno: EINVAL, "readlinkat", subject)
        }
        return text
    }

    /// The text of `name` in this directory; nil where it is no link.
    func linkTextIfLink(of name: String, _ subject: String) throws(StorageError) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(raw, name, &buffer, buffer.count)
        if count < 0, errno == EINVAL { return nil }
        try checkErrno(count, "readlinkat", subject)
        guard let text = String(validating: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self) else {
            throw StorageError(.failedPrecondition, "a link there has a text that is not UTF-8", subject: subject)
        }
        return text
    }
}
