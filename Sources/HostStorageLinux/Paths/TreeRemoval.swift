// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Removes directory trees name by name on descriptors. Follows no link and crosses no mount: a mount in
/// the tree, a bind mount of the same filesystem too, ends the removal.
enum TreeRemoval {
    /// Trees deeper than this are refused: each level holds a descriptor open.
    private static let maximumDepth = 256

    /// Removes everything in a directory.
    static func removeContents(
        of directory: borrowing Descriptor, _ path: String, depth: Int = 0
    ) throws(StorageError) {
        guard try !isTopOfHost(directory, path) else {
            throw StorageError(.denied, "it is the top directory of the host", subject: path)
        }
        guard depth < maximumDepth else {
            throw StorageError(.exhausted, "the tree is deeper than \(maximumDepth) directories", subject: path)
        }
        var names: [String] = []
        try directory.forEachName(path) { name in
            names.append(name)
            return true
        }
        for name in names { try remove(name, in: directory, "\(path)/\(name)", depth: depth) }
    }

    /// Removes whatever `name` is. What is gone meanwhile is gone.
    static func remove(
        _ name: String, in directory: borrowing Descriptor, _ path: String, depth: Int = 0
    ) throws(StorageError) {
        if unlinkat(directory.raw, name, 0) == 0 || errno == ENOENT { return }
        // Linux says EISDIR of a directory (unlink(2)), POSIX would let it say EPERM.
        guard errno == EISDIR || errno == EPERM else { throw removalError(errno, path) }
        do {
            let child: Descriptor
            do throws(StorageError) {
                child = try directory.openName(name, O_RDONLY | O_DIRECTORY, crossingMounts: false, path)
            } catch  where error.isSystemCall(errno: EXDEV) {
                throw StorageError(
                    .busy, "something is mounted there; its data stay", subject: path, cause: error.cause)
            }
            try removeContents(of: child, path, depth: depth + 1)
        }
        if unlinkat(directory.raw, name, AT_REMOVEDIR) < 0, errno != ENOENT { throw removalError(errno, path) }
    }

    /// Whether a directory is "/", by whichever way it was reached. No policy lets anybody get there; this is
    /// for the day on which something else is wrong.
    static func isTopOfHost(_ directory: borrowing Descriptor, _ path: String) throws(StorageError) -> Bool {
        let top = try Descriptor(opening: "/", cls_O_PATH | O_DIRECTORY).status("/")
        let status = try directory.status(path)
        return status.device == top.device && status.inode == top.inode
    }

    static func removalError(_ code: Int32, _ path: String) -> StorageError {
        var error = StorageError(errno: code, "unlinkat", path)
        if code == ENOTEMPTY { error.detail = "the directory is not empty" }
        if code == EBUSY { error.detail = "something is mounted there; its data stay" }
        return error
    }
}
