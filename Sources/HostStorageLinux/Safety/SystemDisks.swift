// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// The disks that carry the running system, which no call may partition, format, grow, mount or take offline, and whose
/// volumes no path reveals.
struct SystemDisks: Sendable {
    /// The directories beneath which callers name paths, and that of this host's state. Their disks are the system's
    /// too; but callers may learn their volumes.
    let ownPlaces: [String]

    /// The directories that a system needs to run, and those of its users' data; none is for volumes.
    private static let places: Set<String> = [
        "/", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/etc", "/usr", "/usr/local", "/var", "/var/lib",
        "/var/log",
        "/var/tmp", "/home", "/root", "/opt", "/srv", "/nix", "/nix/store", "/ostree", "/sysroot", "/var/lib/kubelet",
        "/var/lib/containerd", "/var/lib/containers", "/var/lib/docker", "/var/lib/etcd", "/var/lib/rancher",
        "/run/initramfs/live",
    ]

    func refuse(_ disk: DiskNode) throws(StorageError) { try refuse(disk, .read) }

    /// Where mounts are: as the kernel has them now, for work that destroys; or ``KeptMountTable``, which does not see that
    /// a directory above a mount was renamed.
    private enum Mounts { case read, kept }

    private func refuse(_ disk: DiskNode, _ mounts: Mounts) throws(StorageError) {
        try Self.refuse(disk, mounts)
        guard try Self.disks(below: ownDevices(mounts)).contains(disk.name) else { return }
        throw StorageError(
            .denied, "it carries the running system: working directories of this host, or its state",
            subject: disk.devicePath)
    }

    /// - Parameter use: the disks that the caller may have mounted all the same. It is asked with the names of the
    ///   disk.
    func refuseMount(of disk: DiskNode, allowing use: SystemDiskUse?) throws(StorageError) {
        try Self.unless(use, names: disk) { () throws(StorageError) in try refuse(disk, .kept) }
    }

    /// Without the own places: for work that takes the disk away.
    static func refuse(_ disk: DiskNode) throws(StorageError) { try refuse(disk, .read) }

    /// The same for questions.
    static func refuse(_ disk: DiskNode, allowing use: SystemDiskUse?) throws(StorageError) {
        try unless(use, names: disk) { () throws(StorageError) in try refuse(disk, .kept) }
    }

    private static func refuse(_ disk: DiskNode, _ mounts: Mounts) throws(StorageError) {
        guard try names(mounts).contains(disk.name) else { return }
        throw StorageError(.denied, "it carries the running system", subject: disk.devicePath)
    }

    private static func unless(
        _ use: SystemDiskUse?, names disk: DiskNode, _ refuse: () throws(StorageError) -> Void
    ) throws(StorageError) {
        do throws(StorageError) {
            try refuse()
        } catch  where error.code == .denied {
            guard let use, try use.names(disk.identifiers()) else { throw error }
        }
    }

    /// The names of the disks below those places, as this process and the machine's first one see them, and
    /// below active swap.
    static func names() throws(StorageError) -> Set<String> { try names(.read) }

    private static func names(_ mounts: Mounts) throws(StorageError) -> Set<String> {
        var devices: Set<DeviceNumber> = []
        func collect(_ mounts: [Mount]) throws(StorageError) {
            for mount in mounts where places.contains(mount.target) {
                if let device = try mount.blockDevice { devices.insert(device) }
            }
        }
        try collect(mounts == .read ? MountTable.read() : KeptMountTable.own.mounts(on: places))
        // Unreadable in a container that does not share the host's processes.
        try collect(
            Holders.known(or: []) { () throws(StorageError) in
                try mounts == .read ? MountTable.read("/proc/1/mountinfo") : KeptMountTable.firsts.mounts(on: places)
            })
        for path in try MountTable.swaps() { devices.formUnion(try Self.devices(ofFile: path)) }
        return try disks(below: devices)
    }

    /// The device that a file is, or is on. Its path does not say which namespace has the file: this process's, or that
    /// of the machine's first.
    private static func devices(ofFile path: String) throws(StorageError) -> [DeviceNumber] {
        var devices: [DeviceNumber] = []
        for path in [path, "/proc/1/root\(path)"] {
            let device = try Holders.known(or: nil) { () throws(StorageError) -> DeviceNumber? in
                let file = try Descriptor(opening: path, cls_O_PATH)
                let status = try file.status(path)
                if status.isBlockDevice { return status.special }
                // Of a filesystem with a number of the kernel's own making, the table of its namespace names the device.
                return status.device.major != 0 ? status.device : try file.blockDevice()
            }
            if let device { devices.append(device) }
        }
        return devices
    }

    /// The devices that the own places are on, or will be: a missing directory is on the device of its nearest parent.
    private func ownDevices(_ mounts: Mounts) throws(StorageError) -> Set<DeviceNumber> {
        let mounts = try mounts == .read ? MountTable.read() : KeptMountTable.own.mounts()
        var devices: Set<DeviceNumber> = []
        for place in ownPlaces {
            var names = place.split(separator: "/")
            while true {
                let path = "/" + names.joined(separator: "/")
                do throws(StorageError) {
                    let id = try Descriptor(opening: path, cls_O_PATH).mountID()
                    // One that is not in the table has come since it was read.
                    var mount = mounts.first { $0.id == id }
                    if mount == nil { mount = try MountTable.read().first { $0.id == id } }
                    guard let mount else {
                        throw StorageError(.busy, "mounts come and go there", subject: path)
                    }
                    if let device = try mount.blockDevice { devices.insert(device) }
                    break
                } catch  where ![.exhausted, .internalError, .busy].contains(error.code) {}
                guard names.popLast() != nil else { break }
            }
        }
        return devices
    }

    private static func disks(below devices: Set<DeviceNumber>) throws(StorageError) -> Set<String> {
        var names: Set<String> = []
        for device in devices { try collectDisks(below: device, into: &names) }
        return names
    }

    /// Adds the whole disks that a device is on: through its partition, through the devices below it in a stack, and
    /// the other devices that its filesystem spans. A system that runs from a loop device is on the disk that holds its
    /// file; a loop device on a file of the system's disk is not that disk.
    private static func collectDisks(
        below device: DeviceNumber, into names: inout Set<String>
    ) throws(StorageError) {
        guard let name = Sysfs.linkName("/sys/dev/block/\(device)") else { return }
        for name in try devices(ofFilesystemOn: name) { try collectDisks(below: name, into: &names) }
    }

    /// All devices that the filesystem on one of them spans.
    static func devices(ofFilesystemOn name: String) throws(StorageError) -> [String] {
        try [name] + FilesystemDrivers.mountedDevices(with: name)
    }

    /// The device that holds the file behind a loop device.
    private static func backing(of disk: String) throws(StorageError) -> [DeviceNumber] {
        guard disk.hasPrefix("loop"), let file = try Sysfs.attribute("/sys/block/\(disk)/loop/backing_file") else {
            return []
        }
        return try devices(ofFile: file)
    }

    private static func collectDisks(below name: String, into names: inout Set<String>) throws(StorageError) {
        let disk = BlockDeviceName.disk(of: name)
        guard names.insert(disk).inserted else { return }
        for device in try backing(of: disk) { try collectDisks(below: device, into: &names) }
        for slave in try Sysfs.names(in: "/sys/block/\(disk)/slaves") { try collectDisks(below: slave, into: &names) }
    }
}
