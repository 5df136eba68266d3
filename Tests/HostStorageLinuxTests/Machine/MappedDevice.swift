// SPDX-License-Identifier: Apache-2.0

import HostStorage
import LoopDisks

/// A device of device-mapper, gone with its owner.
final class MappedDevice {
    /// The kernel's name, such as "dm-0".
    let name: String
    let device: String
    private let label: String

    /// - Parameters:
    ///   - label: its name among the mapped devices.
    ///   - uuid: its kind, by the prefix: "mpath-…" is a multipath map, "part1-mpath-…" a partition of one.
    ///   - table: one line for each stretch (dmsetup(8)), in sectors.
    init(_ label: String, uuid: String, table: [String]) throws {
        self.label = label
        try Command.run("modprobe", "dm-mod")
        // No other program makes the device node here, and udev is not waited for.
        try Command.run(
            "dmsetup", "create", label, "--uuid", uuid, "--noudevsync", "--noudevrules", "--table",
            table.joined(separator: "\n"))
        let minor = try Command.run("dmsetup", "info", "--columns", "--noheadings", "--options", "minor", label)
        name = "dm-\(minor)"
        device = "/dev/dm-\(minor)"
    }

    deinit { _ = try? Command.run("dmsetup", "remove", "--force", "--retry", "--noudevsync", label) }

    var number: DiskNumber {
        get throws { try DiskNumber(decimal: Kernel.read("/sys/block/\(name)/diskseq")) }
    }

    /// A stretch that is that of another device.
    static func linear(_ range: Range<Int>, on device: String, from start: Int = 0) -> String {
        "\(range.lowerBound) \(range.count) linear \(device) \(start + range.lowerBound)"
    }

    /// The same with eight sectors that can be neither read nor written.
    static func linear(_ range: Range<Int>, on device: String, from start: Int = 0, bad: Int) -> [String] {
        let (before, behind) = (range.lowerBound..<bad, (bad + 8)..<range.upperBound)
        return (before.isEmpty ? [] : [linear(before, on: device, from: start)]) + ["\(bad) 8 error"]
            + (behind.isEmpty ? [] : [linear(behind, on: device, from: start)])
    }

    /// A stretch over several paths to the same disk, the first in turn that answers.
    static func multipath(_ range: Range<Int>, over paths: [String]) -> String {
        "\(range.lowerBound) \(range.count) multipath 0 0 1 1 round-robin 0 \(paths.count) 1 "
            + paths.map { "\($0) 1" }.joined(separator: " ")
    }
}
