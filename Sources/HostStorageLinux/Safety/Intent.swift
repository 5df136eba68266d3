// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A write to a disk, recorded before its first byte, so that recovery after a sudden end can attribute the remains.
struct Intent: Sendable, Hashable {
    enum Work: String, Sendable, Hashable {
        case partition, format, resize
    }

    let work: Work
    /// The target: a disk's number or a volume's GUID. One intent of a kind for each.
    var target: String
    /// The disk as it was then.
    let disk: DiskNumber
    var names: [String: String]
    /// The kernel's ID of the boot in which the disk had that number.
    let boot: String
    /// The filesystem that was to be made.
    var filesystem: FilesystemKind?
    /// The UUID that it was to have; nil where its tool takes none. Of a partitioning, the GUID of the disk; of a growth,
    /// the UUID of the filesystem that grows.
    var uuid: String?
    /// The GUID that the new partition was to have.
    var partition: String?
    /// The bytes that the volume was to have after its growth.
    var size: Int64?
    /// Of work that has ended: the mark of its superblock (``Superblock/mark(of:on:_:)``).
    var finished: String?

    /// Whether this is the disk that was worked on: attached without a break since, or by the names that it gives
    /// itself. A disk without names cannot be recognised after a break.
    func isOfThisDisk(_ node: DiskNode, boot: String) -> Bool {
        if isOfThisAttachment(node, boot: boot) { return true }
        let now = node.features.names
        return names.contains { now[$0.key] != nil } && !DiskFeatures.contradict(names, now)
    }

    /// Whether the disk has been attached without a break since the intent was recorded.
    func isOfThisAttachment(_ node: DiskNode, boot: String) -> Bool {
        self.boot == boot && disk == node.number && !DiskFeatures.contradict(names, node.features.names)
    }

    /// Whether it is of this disk: attached since, or one that has the same names.
    func isOf(_ node: DiskNode, boot: String) -> Bool {
        if isOfThisAttachment(node, boot: boot) { return true }
        let shared = names.keys.contains { node.features.names[$0] != nil }
        return shared && !DiskFeatures.contradict(names, node.features.names)
    }
}

extension Intent {
    /// One `key=value` a line; a line break in a value is escaped.
    var text: String {
        var lines = ["version=1", "work=\(work.rawValue)", "target=\(target)", "disk=\(disk)", "boot=\(boot)"]
        lines += names.sorted { $0.key < $1.key }.map { "name:\($0.key)=\(Self.escaped($0.value))" }
        if let filesystem { lines.append("filesystem=\(filesystem.rawValue)") }
        if let uuid { lines.append("uuid=\(uuid)") }
        if let partition { lines.append("partition=\(partition)") }
        if let size { lines.append("size=\(size)") }
        if let finished { lines.append("finished=\(finished)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Nil where the text is no intent of this version.
    init?(text: String) {
        var names: [String: String] = [:]
        var values: [Substring: String] = [:]
        for line in text.lines {
            guard let (key, value) = line.keyAndValue else { return nil }
            if key.hasPrefix("name:") {
                names[String(key.dropFirst("name:".count))] = Self.unescaped(String(value))
            } else {
                values[key] = String(value)
            }
        }
        guard values["version"] == "1", let work = values["work"].flatMap(Work.init(rawValue:)),
            let target = values["target"], let boot = values["boot"],
            let disk = values["disk"].flatMap({ try? DiskNumber(decimal: $0) })
        else { return nil }
        self.init(
            work: work, target: target, disk: disk, names: names, boot: boot,
            filesystem: values["filesystem"].flatMap(FilesystemKind.init(rawValue:)), uuid: values["uuid"],
            partition: values["partition"],
            size: values["size"].flatMap { Int64($0) }, finished: values["finished"])
    }

    // By Unicode scalars: names of disks are bytes of their firmware, and "\r\n" is one character.

    private static func escaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "\\" || scalar == "\n" { result.append("\\") }
            result.append(scalar == "\n" ? "n" : scalar)
        }
        return String(result)
    }

    private static func unescaped(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if scalar == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(isEscaped && scalar == "n" ? "\n" : scalar)
                isEscaped = false
            }
        }
        return String(result)
    }
}
