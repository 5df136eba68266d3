// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import LoopDisks

/// SCSI disks in memory, of the kernel's module scsi_debug, gone with their owner. Every disk has an adapter
/// of its own. One owner at a time.
final class ScsiDisks {
    private static let driver = "/sys/bus/pseudo/drivers/scsi_debug"
    private let mountsBefore = Kernel.mounts()

    /// - Parameters:
    ///   - mebibytes: the size of every disk.
    ///   - shareMemory: whether all disks are one, reached by several paths; else each has zeroed
    ///     memory of its own.
    init(mebibytes: Int = 64, sectorSize: Int = 512, shareMemory: Bool = false) throws {
        guard Machine.isHere else { throw CommandFailed("scsi_debug is for the virtual machine: make test") }
        guard !FileManager.default.fileExists(atPath: Self.driver) else {
            throw CommandFailed("the disks of another test are still in use")
        }
        try Command.run("modprobe", "sd_mod")
        try Command.run(
            "modprobe", "scsi_debug", "delay=0", "add_host=0", "per_host_store=\(shareMemory ? 0 : 1)",
            "dev_size_mb=\(mebibytes)",
            "sector_size=\(sectorSize)")
    }

    deinit {
        // Mounts that a failed test has left.
        for place in Kernel.mounts().dropFirst(mountsBefore.count).reversed() { umount2(place, 0) }
        // The module is in use until the kernel has had a look at every new disk, which it does on its own time.
        _ = try? Kernel.wait(for: "the end of scsi_debug", tries: 2400) {
            try Command.run("modprobe", "--remove", "scsi_debug")
        }
    }

    /// Plugs in one more adapter with a disk.
    func add() throws -> ScsiDisk {
        let before = Set(Kernel.names(in: "/sys/block"))
        try set("add_host", "1")
        let name = try Kernel.wait(for: "a new disk") {
            Kernel.names(in: "/sys/block").first { $0.hasPrefix("sd") && !before.contains($0) }
        }
        return try ScsiDisk(name)
    }

    /// The disk at an address, such as "0:0:0:1".
    func disk(at address: String) throws -> ScsiDisk {
        try ScsiDisk(
            Kernel.wait(for: "the disk at \(address)") {
                Kernel.names(in: "/sys/bus/scsi/devices/\(address)/block").first
            })
    }

    /// Sets one of the driver's attributes; Linux: drivers/scsi/scsi_debug.c.
    func set(_ attribute: String, _ value: String) throws { try Kernel.write(value, to: "\(Self.driver)/\(attribute)") }

    /// Lets reads of a sector fail, on all disks, while `body` runs.
    func withReadErrors(at sector: Int, _ body: () async throws -> Void) async throws {
        let parameters = "/sys/module/scsi_debug/parameters"
        try Kernel.write("\(sector)", to: "\(parameters)/medium_error_start")
        try Kernel.write("1", to: "\(parameters)/medium_error_count")
        let mediumErrors = "2"
        try set("opts", mediumErrors)
        defer { try? set("opts", "0") }
        try await body()
    }
}

/// A SCSI disk as the kernel shows it.
struct ScsiDisk {
    /// Such as "sda".
    let name: String
    let number: DiskNumber
    /// In bytes.
    let size: Int

    var device: String { "/dev/\(name)" }
    var sysfs: String { "/sys/block/\(name)" }

    /// Waits until the disk can be opened.
    init(_ name: String) throws {
        self.name = name
        number = try DiskNumber(decimal: Kernel.read("/sys/block/\(name)/diskseq"))
        size = try Kernel.wait(for: "/dev/\(name)") {
            Int(try Command.run("blockdev", "--getsize64", "/dev/\(name)")).flatMap { $0 > 0 ? $0 : nil }
        }
    }

    func partition(_ number: Int = 1) -> String { "\(device)\(number)" }

    /// The SCSI address: "host:channel:target:lun".
    var address: String {
        get throws {
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: "\(sysfs)/device")
            return URL(filePath: link).lastPathComponent
        }
    }

    /// Unplugs it.
    func remove() throws {
        try Kernel.write("1", to: "\(sysfs)/device/delete")
        _ = try Kernel.wait(for: "the end of \(device)") { Kernel.names(in: "/sys/block").contains(name) ? nil : true }
    }

    /// A fingerprint of every byte of the disk.
    func digest() throws -> String {
        try Command.run("blockdev", "--flushbufs", device)
        return try Command.run("cksum", device)
    }
}
