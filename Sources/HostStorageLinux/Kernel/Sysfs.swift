// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Attributes of sysfs by path.
enum Sysfs {
    /// The attribute without the line's end; nil where there is no such attribute.
    static func attribute(_ path: String) throws(StorageError) -> String? {
        guard var bytes = try bytes(path) else { return nil }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The attribute as it stands; nil where there is no such attribute.
    ///
    /// A look at a disk opens a dozen of them, most of which it does not have: no error is made for these.
    static func bytes(_ path: String) throws(StorageError) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return try absent(errno, "open", path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        while true {
            var failure: Int32 = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 4096) { room, count in
                let got = read(file, room.baseAddress, room.count)
                if got < 0 { failure = errno }
                count = max(0, got)
            }
            guard failure == 0 else { return try absent(failure, "read", path) }
            bytes = bytes.isEmpty ? piece : bytes + piece
            // The kernel makes an attribute in one piece.
            if piece.count < 4096 { return bytes }
        }
    }

    private static func absent(_ code: Int32, _ call: String, _ path: String) throws(StorageError) -> [UInt8]? {
        if [ENOENT, ENODEV, ENXIO, EINVAL].contains(code) { return nil }
        throw StorageError(errno: code, call, path)
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

    /// The names in a directory, in order; none where there is no such directory. Fails where it cannot be read, as when
    /// descriptors are short: a guard must not take that for nothing.
    static func names(in path: String) throws(StorageError) -> [String] {
        guard let stream = opendir(path) else {
            if [ENOENT, ENODEV, ENXIO, ENOTDIR].contains(errno) { return [] }
            throw StorageError(errno: errno, "open", path)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let name = try Descriptor.nextName(of: stream, path) {
            // A name that is not UTF-8 is none of the kernel's.
            if let text = String(validating: name, as: UTF8.self) { names.append(text) }
        }
        return names.sorted()
    }

    /// The same for texts and the log, which may lack a name; none where the directory cannot be read.
    static func readableNames(in path: String) -> [String] { (try? names(in: path)) ?? [] }

    /// The last name of a link's target.
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

/// Files of /proc.
enum ProcFS {
    /// The value of a line "name: value", as /proc/PID/status and fdinfo have them.
    static func value(of name: String, in text: String) -> Substring? {
        text.split(separator: "\n").first { $0.hasPrefix("\(name):") }?
            .dropFirst(name.utf8.count + 1).drop { $0 == "\t" || $0 == " " }
    }

    /// The kernel's name of this boot of the machine; empty where it gives it none.
    static func bootID() throws(StorageError) -> String {
        try Sysfs.attribute("/proc/sys/kernel/random/boot_id") ?? ""
    }
}

/// The kernel's names of block devices.
enum BlockDeviceName {
    /// The whole disk that a partition is on; a disk is its own.
    static func disk(of name: String) -> String {
        // /sys/class/block/sda1 leads to .../block/sda/sda1
        let path = "/sys/class/block/\(name)"
        guard access("\(path)/partition", F_OK) == 0, let link = Sysfs.linkText(path) else { return name }
        return link.split(separator: "/").dropLast().last.map(String.init) ?? name
    }

    /// sysfs writes "!" where the name of a node has "/": "cciss!c0d0".
    static func path(of name: String) -> String { "/dev/\(name.replacing("!", with: "/"))" }
}
