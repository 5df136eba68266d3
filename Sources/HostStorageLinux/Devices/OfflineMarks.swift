// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Which disks are out of service. Linux has no such state for most disks, and for SCSI disks one in which
/// they cannot even be partitioned; so it is a mark of this layer, a file in the state directory that
/// every process of the node sees. Marks of an earlier boot count for nothing: disk numbers start anew.
struct OfflineMarks: Sendable {
    private let directory: String
    private let boot: String

    init(stateDirectory: String) throws(StorageError) {
        directory = "\(stateDirectory)/offline"
        boot = try Sysfs.attribute("/proc/sys/kernel/random/boot_id") ?? ""
    }

    func isOffline(_ disk: DiskNumber) throws(StorageError) -> Bool {
        try Sysfs.attribute(path(disk)) == boot
    }

    func set(_ state: DiskState, _ disk: DiskNumber) throws(StorageError) {
        switch state {
        case .online:
            if unlink(path(disk)) < 0, errno != ENOENT { throw StorageError(errno: errno, "unlink", path(disk)) }
        case .offline:
            try makeDirectories(directory)
            // Whole or not at all: a reader never sees a mark half written.
            let new = "\(path(disk)).new"
            try Descriptor.write(boot, to: new, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            try checkErrno(rename(new, path(disk)), "rename", path(disk))
        }
    }

    private func path(_ disk: DiskNumber) -> String { "\(directory)/\(disk)" }
}
