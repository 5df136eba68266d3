// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage
import Synchronization

/// A table of mounts that is read again only when mounts have come, gone or moved: poll(2) on the open table shows that
/// (proc_pid_mountinfo(5)). It does not show that a directory above a mount was renamed, or that a filesystem has changed
/// its options by itself, as after an error.
final class KeptMountTable: Sendable {
    /// Of this process.
    static let own = KeptMountTable("/proc/self/mountinfo")
    /// Of the machine's first process, as far as this one sees it.
    static let firsts = KeptMountTable("/proc/1/mountinfo")

    private struct Look: ~Copyable {
        /// The table, open since before it was read.
        let file: Descriptor
        let table: Table

        /// The table, where nothing has changed since it was opened.
        borrowing func unchanged() -> Table? {
            var change = pollfd(fd: file.raw, events: Int16(POLLPRI), revents: 0)
            return poll(&change, 1, 0) == 0 ? table : nil
        }
    }

    private final class Table: Sendable {
        let mounts: [Mount]
        let devices: [DeviceNumber: [Mount]]
        /// Of filesystems whose device number is of the kernel's own making, those that may be of a device.
        let others: [Mount]
        let targets: [String: [Mount]]
        let numbers: [Int: Mount]

        init(_ mounts: [Mount]) {
            self.mounts = mounts
            devices = Dictionary(grouping: mounts.filter { $0.device.major != 0 }, by: \.device)
            others = mounts.filter { $0.device.major == 0 && $0.source.hasPrefix("/") }
            targets = Dictionary(grouping: mounts, by: \.target)
            numbers = Dictionary(mounts.map { ($0.id, $0) }) { first, _ in first }
        }
    }

    private let path: String
    private let last = Mutex<Look?>(nil)

    init(_ path: String) { self.path = path }

    func mounts() throws(StorageError) -> [Mount] { try table().mounts }

    /// The mount of that ID.
    func mount(_ id: Int) throws(StorageError) -> Mount? { try table().numbers[id] }

    /// Those on the places.
    func mounts(on places: Set<String>) throws(StorageError) -> [Mount] {
        let targets = try table().targets
        return places.flatMap { targets[$0] ?? [] }
    }

    /// Those of a block device, as ``MountTable/mounts(of:)`` has them.
    func mounts(of device: DeviceNumber) throws(StorageError) -> [Mount] {
        let table = try table()
        var mounts = table.devices[device] ?? []
        for mount in table.others where try mount.blockDevice == device { mounts.append(mount) }
        return mounts
    }

    private func table() throws(StorageError) -> Table {
        try last.withLock { last throws(StorageError) in
            let look = last.take()
            if let look, let table = look.unchanged() {
                last = consume look
                return table
            }
            // From here on the kernel notes changes for this descriptor, also those while it is read.
            let file = try Descriptor(opening: path, O_RDONLY)
            let table = Table(MountTable.parse(try file.rest(path)))
            last = Look(file: file, table: table)
            return table
        }
    }
}
