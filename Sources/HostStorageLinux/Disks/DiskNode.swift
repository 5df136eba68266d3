// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// A disk as sysfs shows it at one moment.
struct DiskNode: Sendable, Hashable {
    /// The kernel's name, also that of its directory in /sys/block: "sda", "loop3", "dm-0".
    let name: String
    let number: DiskNumber
    let device: DeviceNumber
    /// As it was when the disk was looked up.
    let features: DiskFeatures
    /// Whether the names in its features are those under which this process saw the number first. A storage
    /// system can put another unit behind a disk that the kernel goes on to show as the same.
    var isUnchanged = true

    var sysfsPath: String { "/sys/block/\(name)" }
    var devicePath: String { BlockDeviceName.path(of: name) }

    /// A sysfs attribute of the disk, without the line's end; nil where the disk has no such attribute.
    func attribute(_ path: String) throws(StorageError) -> String? {
        try Sysfs.attribute("\(sysfsPath)/\(path)")
    }
}

extension DiskNode {
    /// A disk by the kernel's name, whether or not the host shows it as one: the inventory leaves out paths of a
    /// multipath map. nil where it has gone.
    init?(ofDevice name: String) throws(StorageError) {
        guard let sequence = try Sysfs.number("/sys/block/\(name)/diskseq"), let number = UInt32(exactly: sequence),
            let device = try Sysfs.device("/sys/block/\(name)/dev")
        else { return nil }
        self.init(
            name: name, number: DiskNumber(number), device: device, features: try DiskNode.features(ofDisk: name))
    }
}

/// The features that distinguish a disk from others besides its number, as the kernel keeps them: no device is asked.
struct DiskFeatures: Sendable, Hashable {
    /// Names that the disk gives itself, by the sysfs attribute that has them; of a loop device the file
    /// behind it. Empty where it has none.
    let names: [String: String]
    /// In bytes.
    let size: Int64

    /// Whether an attribute that both have differs.
    static func contradict(_ a: [String: String], _ b: [String: String]) -> Bool {
        a.contains { name, value in b[name].map { !value.isIdentical(to: $0) } ?? false }
    }
}
