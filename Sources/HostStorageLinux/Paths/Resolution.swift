// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// How names are resolved beneath a directory. Either way no link is followed and nothing above the directory is
/// reached, however fast another process swaps names on the way.
enum Resolution: Sendable, CaseIterable {
    /// By the kernel in one call: openat2(2) with RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and
    /// RESOLVE_NO_MAGICLINKS, Linux 5.6.
    case kernel
    /// Name by name, each on the descriptor of the one before.
    case walk

    /// The kernel's, unless it is too old or a container's filter of system calls refuses to ask it.
    static let available: Resolution = {
        let result = cls_openat2(AT_FDCWD, "/", UInt64(cls_O_PATH), CLS_RESOLVE_NO_SYMLINKS)
        if result >= 0 { close(result) }
        return result == -ENOSYS || result == -EPERM ? .walk : .kernel
    }()

    /// Opens the target of the names. `flags` as for open(2). A link among them is ELOOP.
    func open(
        _ names: [String], beneath directory: borrowing Descriptor, _ flags: Int32, crossing limits: MountLimits? = nil,
        _ subject: String
    ) throws(StorageError) -> Descriptor {
        guard let last = names.last else {
            return try Descriptor(in: directory, flags, subject)
        }
        switch self {
        case .kernel:
            var resolve = CLS_RESOLVE_BENEATH | CLS_RESOLVE_NO_SYMLINKS | CLS_RESOLVE_NO_MAGICLINKS
            // The first mount on the way ends it, before anything behind is looked up.
            if limits != nil { resolve |= CLS_RESOLVE_NO_XDEV }
            let path = names.joined(separator: "/")
            // EAGAIN: something was renamed on the way and the kernel could not be sure (openat2(2)).
            for _ in 0..<128 {
                let result = cls_openat2(directory.raw, path, UInt64(UInt32(bitPattern: flags)), resolve)
                if limits != nil, result == -EXDEV {
                    return try Self.walk.open(names, beneath: directory, flags, crossing: limits, subject)
                }
                if result != -EAGAIN { return Descriptor(owning: try check(result, "openat2", subject)) }
            }
            throw .changing(subject)
        case .walk:
            let way = cls_O_PATH | O_DIRECTORY
            guard let first = names.dropLast().first else {
                return try directory.openName(last, flags, crossing: limits, subject)
            }
            var place = OpenDirectory(try directory.openName(first, way, crossing: limits, subject))
            for name in names.dropFirst().dropLast() {
                place = OpenDirectory(try place.descriptor.openName(name, way, crossing: limits, subject))
            }
            return try place.descriptor.openName(last, flags, crossing: limits, subject)
        }
    }
}

/// A directory that can be handed on. A plain ``Descriptor`` cannot be part of a tuple.
final class OpenDirectory: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}
