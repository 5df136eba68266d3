// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Which disks are out of service. Linux has no such state for most disks, and for SCSI disks one in which they cannot
/// even be partitioned; so it is a mark of this layer, a file in the state directory that every process of the node
/// sees. Marks of an earlier boot have no effect: disk numbers start anew.
struct OfflineMarks: Sendable {
    private let directory: String
    private let boot: String

    init(stateDirectory: String) throws(StorageError) {
        directory = "\(stateDirectory)/offline"
        boot = try ProcFS.bootID()
    }

    /// A mark that cannot be read does not count: a failed state directory takes no disk out of service.
    func isOffline(_ disk: DiskNumber) throws(StorageError) -> Bool {
        let mark = try? StateFile.read(path(disk))
        return mark?.split(separator: "\n").first.map(String.init) == boot
    }

    /// Deletes the marks of earlier boots.
    func expire() {
        for name in Sysfs.readableNames(in: directory) {
            let path = "\(directory)/\(name)"
            if let mark = try? StateFile.read(path), mark.split(separator: "\n").first.map(String.init) != boot {
                unlink(path)
            }
        }
    }

    func set(_ state: DiskState, _ disk: DiskNumber) throws(StorageError) {
        switch state {
        case .online:
            try removeFile(path(disk))
        case .offline:
            try makeDirectories(directory)
            try StateFile.write(boot, to: path(disk))
        }
    }

    private func path(_ disk: DiskNumber) -> String { "\(directory)/\(disk)" }
}
