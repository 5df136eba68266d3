// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Makes a mount that shows what is mounted elsewhere: a copy of the source's mount is made that is attached nowhere
/// (open_tree(2)), made read-only (mount_setattr(2), Linux 5.12), and put at its place in one step (move_mount(2)).
enum BindMounting {
    /// A copy of the mount that `source` is open in, from there down, attached nowhere: it ends with the descriptor, unless
    /// it is attached. It has the flags of the source's mount, and is read-only where the options say so.
    static func copy(
        of source: borrowing Descriptor, _ options: BindOptions, _ subject: String
    ) throws(StorageError) -> Descriptor {
        let isRecursive: Int32 = options.isRecursive ? 1 : 0
        let tree = Descriptor(owning: try check(cls_mount_copy(source.raw, isRecursive), "open_tree", subject))
        if options.isReadOnly { try change(tree, isRecursive, isReadOnly: 1, 0, subject) }
        return tree
    }

    /// Sets the propagation of the copy, once it is attached: the kernel makes a mount shared when it is attached below a
    /// shared one (fs/namespace.c, attach_recursive_mnt).
    static func setPropagation(
        of tree: borrowing Descriptor, _ options: BindOptions, _ subject: String
    ) throws(StorageError) {
        guard options.propagation.flag != 0 else { return }
        try change(tree, options.isRecursive ? 1 : 0, isReadOnly: 0, options.propagation.flag, subject)
    }

    private static func change(
        _ tree: borrowing Descriptor, _ isRecursive: Int32, isReadOnly: Int32, _ propagation: UInt64, _ subject: String
    ) throws(StorageError) {
        do throws(StorageError) {
            try check(cls_mount_change(tree.raw, isRecursive, isReadOnly, propagation), "mount_setattr", subject)
        } catch  where error.isSystemCall(errno: ENOSYS) {
            throw StorageError(
                .unsupported, "a mount that is read-only or private from its first moment on takes Linux 5.12",
                subject: subject, cause: error.cause)
        }
    }
}

extension MountPropagation {
    /// For mount_setattr(2); 0 leaves it as it is.
    fileprivate var flag: UInt64 {
        switch self {
        case .private: CLS_MS_PRIVATE
        case .slave: CLS_MS_SLAVE
        case .shared: CLS_MS_SHARED
        case .kept: 0
        @unknown default: 0
        }
    }
}
