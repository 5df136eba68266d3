// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The disks that carry the running system, which no call may partition, format or take offline.
enum SystemDisks {
    /// Where a system keeps what it cannot run without.
    private static let places: Set<String> = ["/", "/boot", "/boot/efi", "/efi", "/etc", "/usr", "/var"]

    /// The names of the disks below those places, as this process and the machine's first one see them, and
    /// below active swap.
    static func names() throws(StorageError) -> Set<String> {
        var devices: Set<DeviceNumber> = []
        var mounts = try MountTable.read()
        // Unreadable in a container that does not share the host's processes.
        mounts += (try? MountTable.read("/proc/1/mountinfo")) ?? []
        for mount in mounts where places.contains(mount.target) {
            if let device = mount.blockDevice { devices.insert(device) }
        }
        for path in try MountTable.swaps() {
            // Which of the two namespaces has the file, the table does not tell.
            for path in [path, "/proc/1/root\(path)"] {
                guard let swap = try? Descriptor(opening: path, O_RDONLY | O_NONBLOCK),
                    let status = try? swap.status(path)
                else { continue }
                if status.isBlockDevice {
                    devices.insert(status.special)
                } else if let device = try status.blockDevice() {
                    devices.insert(device)
                }
            }
        }
        var names: Set<String> = []
        for device in devices { collectDisks(below: device, into: &names) }
        return names
    }

    static func refuse(_ disk: DiskNode) throws(StorageError) {
        guard try names().contains(disk.name) else { return }
        throw StorageError(.denied, "it carries the running system", subject: disk.devicePath)
    }

    /// Adds the whole disks that a device is on: through its partition and through what it is stacked on, and
    /// those that its filesystem spans besides. A loop device is not on the disk that holds its file.
    private static func collectDisks(below device: DeviceNumber, into names: inout Set<String>) {
        guard let name = Sysfs.linkName("/sys/dev/block/\(device)") else { return }
        for name in [name] + companions(of: name) { collectDisks(below: name, into: &names) }
    }

    /// All devices of the btrfs that has this device. The mount table names one of them.
    private static func companions(of name: String) -> [String] {
        Sysfs.names(in: "/sys/fs/btrfs").map { Sysfs.names(in: "/sys/fs/btrfs/\($0)/devices") }
            .first { $0.contains(name) } ?? []
    }

    private static func collectDisks(below name: String, into names: inout Set<String>) {
        let disk = BlockDeviceName.disk(of: name)
        guard names.insert(disk).inserted else { return }
        for slave in Sysfs.names(in: "/sys/block/\(disk)/slaves") { collectDisks(below: slave, into: &names) }
    }
}

/// The kernel's names of block devices.
enum BlockDeviceName {
    /// The whole disk that a partition is on; a disk is its own.
    static func disk(of name: String) -> String {
        // /sys/class/block/sda1 leads to .../block/sda/sda1
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let path = "/sys/class/block/\(name)"
        guard access("\(path)/partition", F_OK) == 0 else { return name }
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return name }
        let parts = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self).split(separator: "/")
        return parts.dropLast().last.map(String.init) ?? name
    }
}
