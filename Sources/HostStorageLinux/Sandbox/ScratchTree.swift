// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
package import HostStorage

/// A directory of a program's own with everything attached to it: mounts below it, and loop devices on files in it.
package enum ScratchTree {
    /// Takes the mounts away, the loop devices, and the directory. A mount or device in use is
    /// ``StorageError/Code/busy`` with its holders, and stays.
    ///
    /// - Parameter directory: an absolute path without links in it; it need not exist.
    package static func remove(_ directory: String) throws(StorageError) {
        // The innermost are the last in the table.
        for mount in try MountTable.read().reversed() where mount.target.isBeneath(directory) {
            let (holder, name) = try parent(of: mount.target)
            _ = try Unmount.unmount(mount, on: name, in: holder.descriptor, at: mount.target, subject: mount.target)
        }
        for name in try Sysfs.names(in: "/sys/block") where name.hasPrefix("loop") {
            guard let file = try Sysfs.attribute("/sys/block/\(name)/loop/backing_file"), file.isBeneath(directory)
            else { continue }
            let device = try Descriptor(opening: BlockDeviceName.path(of: name), O_RDONLY)
            // One whose last user has just left has no file any more.
            let result = cls_loop_detach(device.raw)
            if result != -ENXIO { try check(result, "LOOP_CLR_FD", name) }
        }
        let (holder, name) = try parent(of: directory)
        try TreeRemoval.remove(name, in: holder.descriptor, directory)
    }

    private static func parent(of path: String) throws(StorageError) -> (OpenDirectory, String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else {
            throw StorageError(.invalidArgument, "not an absolute path", subject: path)
        }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        let open = OpenDirectory(try Descriptor(opening: directory, cls_O_PATH | O_DIRECTORY))
        return (open, String(path[path.utf8.index(after: slash)...]))
    }
}
