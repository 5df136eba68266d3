// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Makes directories name by name on descriptors, the root itself included.
enum DirectoryCreation {
    private static let mode: mode_t = 0o755

    static func make(_ path: HostPath) throws(StorageError) {
        try makeRoot(path.root)
        var directory = OpenDirectory(try Descriptor(opening: path.root, O_RDONLY | O_DIRECTORY))
        var place = path.root
        for name in path.components {
            place += "/\(name)"
            directory = OpenDirectory(try enter(name, in: directory.descriptor, place))
        }
    }

    /// Opens the directory `name`, which is made where it is missing.
    private static func enter(
        _ name: String, in directory: borrowing Descriptor, _ place: String
    ) throws(StorageError) -> Descriptor {
        let isNew = mkdirat(directory.raw, name, mode) == 0
        if !isNew, errno != EEXIST { throw StorageError(errno: errno, "mkdirat", place) }
        let child = try directory.openBeneath(name, O_RDONLY | O_DIRECTORY, place)
        // Whatever this process's umask took away.
        if isNew { try checkErrno(fchmod(child.raw, mode), "fchmod", place) }
        return child
    }

    /// The root is the operator's own word, so its text is followed as it stands.
    private static func makeRoot(_ root: String) throws(StorageError) {
        var place = ""
        for name in root.split(separator: "/") {
            place += "/\(name)"
            if mkdir(place, mode) < 0, errno != EEXIST { throw StorageError(errno: errno, "mkdir", place) }
        }
    }
}
