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
    /// A disk by the kernel's name, whether or not the host shows it as one: a path that is joined to others is none of
    /// the inventory's. nil where it has gone.
    init?(ofDevice name: String) throws(StorageError) {
        guard let sequence = try Sysfs.number("/sys/block/\(name)/diskseq"), let number = UInt32(exactly: sequence),
            let device = try Sysfs.device("/sys/block/\(name)/dev")
        else { return nil }
        self.init(
            name: name, number: DiskNumber(number), device: device, features: try DiskNode.features(ofDisk: name))
    }
}

/// What tells a disk from others besides its number, as the kernel keeps it: no device is asked.
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

/// Attributes of sysfs by path.
enum Sysfs {
    /// The attribute without the line's end; nil where there is no such attribute.
    static func attribute(_ path: String) throws(StorageError) -> String? {
        do throws(StorageError) {
            var text = try Descriptor.contents(of: path)
            if text.utf8.last == UInt8(ascii: "\n") { text.removeLast() }
            return text
        } catch  where error.code == .notFound || error.isSystemCall(errno: EINVAL) {
            return nil
        }
    }

    static func number(_ path: String) throws(StorageError) -> UInt64? {
        try attribute(path).flatMap { UInt64($0) }
    }

    /// Reads "major:minor".
    static func device(_ path: String) throws(StorageError) -> DeviceNumber? {
        guard let parts = try attribute(path)?.split(separator: ":"), parts.count == 2,
            let major = UInt32(parts[0]), let minor = UInt32(parts[1])
        else { return nil }
        return DeviceNumber(major: major, minor: minor)
    }

    /// The names in a directory; none where it does not exist.
    static func names(in path: String) -> [String] {
        guard let directory = try? Descriptor(opening: path, O_RDONLY | O_DIRECTORY) else { return [] }
        var names: [String] = []
        try? directory.forEachName(path) { name in
            names.append(name)
            return true
        }
        return names.sorted()
    }

    /// The last name of what a link leads to.
    static func linkName(_ path: String) -> String? {
        linkText(path)?.split(separator: "/").last.map(String.init)
    }

    static func linkText(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
