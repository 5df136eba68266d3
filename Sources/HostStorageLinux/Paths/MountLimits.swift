// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Which mounts a call that is confined to some disks may meet on its way: those of the root's own filesystem, of the
/// caller's disks, and of filesystems on no disk. Asks no filesystem, for it may be dead.
struct MountLimits: Sendable {
    private let confinement: CallConfinement
    private let rootMount: Int
    private let inventory: DiskInventory

    /// Nil where the call may meet every mount.
    init?(
        _ confinement: CallConfinement?, root: borrowing Descriptor, _ inventory: DiskInventory
    ) throws(StorageError) {
        guard let confinement, confinement.hasDisks else { return nil }
        self.confinement = confinement
        self.inventory = inventory
        rootMount = try root.mountID()
    }

    /// Throws unless the mount that a place is in may be met.
    func require(_ place: borrowing Descriptor, _ subject: String) throws(StorageError) {
        let mount = try place.mountID()
        guard mount != rootMount else { return }
        try require(mount, in: MountTable.read(), subject)
    }

    /// Throws unless every mount on a name, one above the other, may be met.
    ///
    /// - Parameter directory: that which has the name.
    func requireAll(
        on place: borrowing Descriptor, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) {
        let below = try directory.mountID()
        var mount = try place.mountID()
        guard mount != below else { return }
        let table = try MountTable.read()
        for _ in table {
            try require(mount, in: table, subject)
            guard let next = table.first(where: { $0.id == mount })?.parent, next != below else { return }
            mount = next
        }
    }

    private func require(_ id: Int, in table: [Mount], _ subject: String) throws(StorageError) {
        guard id != rootMount else { return }
        guard let mount = table.first(where: { $0.id == id }), let root = table.first(where: { $0.id == rootMount })
        else { throw .outsideConfinement(subject) }
        if mount.device == root.device { return }
        guard try isPermitted(mount) else { throw .outsideConfinement(subject) }
    }

    private func isPermitted(_ mount: Mount) throws(StorageError) -> Bool {
        guard let device = try mount.blockDevice else { return try Self.isOfNoDevice(mount.type) }
        guard let name = Sysfs.linkName("/sys/dev/block/\(device)") else { return false }
        for device in try SystemDisks.devices(ofFilesystemOn: name) where try !isPermitted(device) { return false }
        return true
    }

    /// Whether a device is, or is stacked on, none but the caller's disks.
    private func isPermitted(_ name: String, depth: Int = 0) throws(StorageError) -> Bool {
        let disk = BlockDeviceName.disk(of: name)
        if let node = try inventory.disk(named: disk) {
            return (try? node.identifiers()).map { confinement.permits($0) } ?? false
        }
        let below = try Sysfs.names(in: "/sys/block/\(disk)/slaves")
        guard depth < 32, !below.isEmpty else { return false }
        for device in below where try !isPermitted(device, depth: depth + 1) { return false }
        return true
    }

    /// Whether the kernel says of a filesystem that it is on no device: those of memory, of servers, overlays.
    private static func isOfNoDevice(_ type: String) throws(StorageError) -> Bool {
        // proc_filesystems(5): "nodev\ttmpfs" or "\text4". FUSE's types have the name of their program behind a dot.
        let name = type.split(separator: ".").first.map(String.init) ?? type
        return try Descriptor.contents(of: "/proc/filesystems").split(separator: "\n").contains { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            return parts.count == 2 && parts[0] == "nodev" && parts[1] == name
        }
    }
}
