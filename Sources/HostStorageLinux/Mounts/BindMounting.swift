// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Makes a mount that shows what is mounted elsewhere, in one step: a copy of the source's mount is made that is attached
/// nowhere (open_tree(2)), changed (mount_setattr(2), Linux 5.12), and put at its place (move_mount(2)).
enum BindMounting {
    /// A copy of the mount that `source` is open in, from there down, attached nowhere: it ends with the descriptor. It
    /// has the flags of the source's mount and those of the options.
    static func copy(
        of source: borrowing Descriptor, _ options: BindOptions, _ subject: String
    ) throws(StorageError) -> Descriptor {
        let isRecursive: Int32 = options.isRecursive ? 1 : 0
        let tree = Descriptor(owning: try check(cls_mount_copy(source.raw, isRecursive), "open_tree", subject))
        guard options.isReadOnly || options.propagation.flag != 0 else { return tree }
        do throws(StorageError) {
            try check(
                cls_mount_change(tree.raw, isRecursive, options.isReadOnly ? 1 : 0, options.propagation.flag),
                "mount_setattr", subject)
        } catch  where error.isSystemCall(errno: ENOSYS) {
            throw StorageError(
                .unsupported, "a mount that is read-only from its first moment on takes Linux 5.12", subject: subject,
                cause: error.cause)
        }
        return tree
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
