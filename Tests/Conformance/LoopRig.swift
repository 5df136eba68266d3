// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageLinux
import HostStorageTestKit
import ISCSITargets
import Logging
import LoopDisks
import Synchronization
import SystemdContainer
import Testing

/// This machine, with loop devices for disks, a directory of its own for a root, and where asked for a systemd or iSCSI
/// targets.
final class LoopRig: SystemRig, ISCSIRig {
    let host: any StorageHost
    let root: String
    private let scratch: ScratchDirectory
    private let disks = Mutex<[DiskNumber: LoopDisk]>([:])
    private let silenced = Mutex<[String]>([])

    private let systemd: SystemdContainer?
    private let targets: ISCSITargets?

    init(withSystemd: Bool = false, withTargets: Bool = false) throws {
        guard RealDisks.areAvailable else {
            throw CommandFailed("real disks take root in a mount namespace of its own: make test")
        }
        scratch = try ScratchDirectory()
        root = "\(scratch.path)/kubelet"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        systemd = withSystemd ? try SystemdContainer() : nil
        targets = withTargets ? try ISCSITargets() : nil
        var settings = HostSettings(paths: try PathPolicy(roots: [root]))
        settings.changeableServices = [try ServicePattern("conformance-*")]
        let logger = Logger(label: "conformance", factory: { _ in SwiftLogNoOpLogHandler() })
        host = LocalHost(
            backend: try LinuxBackend(
                settings: settings, stateDirectory: "\(scratch.path)/state",
                systemBus: systemd?.bus ?? "unix:path=\(scratch.path)/no-bus", logger: logger),
            settings: settings, logger: logger)
    }

    func tearDown() {
        for device in silenced.withLock({ $0 }) { _ = try? Command.run("umount", device) }
        disks.withLock { $0 = [:] }
    }

    // MARK: - Disks

    func attachDisk(_ content: DiskContent, size: Int64) throws -> DiskNumber {
        let disk = try LoopDisk(size: size)
        let number = try disk.number
        disks.withLock { $0[number] = disk }
        switch content {
        case .blank: break
        case .gpt(let partitions): try Self.lay(out: partitions, label: "gpt", on: disk)
        case .mbr(let partitions): try Self.lay(out: partitions, label: "dos", on: disk)
        case .filesystem(let kind): try Self.makeFilesystem(kind, on: disk.device)
        case .random: try Self.writeRandomBytes(to: disk.device)
        // Sectors beyond the end of its file cannot be read from a loop device.
        case .unreadable: try disk.grow(to: 0)
        }
        return number
    }

    func growDisk(_ disk: DiskNumber, to size: Int64) throws { try self.disk(disk).grow(to: size) }

    /// Something else stands at the place of its device, in this mount namespace alone.
    func silenceDisk(_ disk: DiskNumber) throws {
        let device = try self.disk(disk).device
        try Command.run("mount", "--bind", "/dev/null", device)
        silenced.withLock { $0.append(device) }
    }

    func fingerprint(of disk: DiskNumber) throws -> String { try self.disk(disk).digest() }

    func table(of disk: DiskNumber) throws -> TableSummary? {
        let dump = try Command.run("sfdisk", "--dump", try self.disk(disk).device)
        let lines = dump.split(separator: "\n")
        guard let label = lines.first(where: { $0.hasPrefix("label: ") }) else { return nil }
        return TableSummary(
            kind: String(label.dropFirst("label: ".count)), partitions: lines.count { $0.hasPrefix("/dev/") })
    }

    private func disk(_ number: DiskNumber) throws -> LoopDisk {
        try #require(disks.withLock { $0[number] })
    }

    private static func lay(out partitions: [PartitionContent], label: String, on disk: LoopDisk) throws {
        var script = "label: \(label)\n"
        for partition in partitions {
            let type =
                switch (label, partition.isReserved) {
                case ("gpt", true): "e3c9e316-0b5c-4db8-817d-f92df00215ae"
                case ("gpt", false): "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
                default: "83"
                }
            let size = partition.size.map { "size=\($0 / mebibyte)MiB, " } ?? ""
            script += "\(size)type=\(type)\n"
        }
        try Command.run(
            "sh", "-c", #"printf %s "$0" | sfdisk --quiet --no-reread --no-tell-kernel "$1""#, script, disk.device)

        for (index, partition) in partitions.enumerated() where partition.content != .blank {
            try Command.run("partx", "--add", disk.device)
            defer { _ = try? Command.run("partx", "--delete", disk.device) }
            switch partition.content {
            case .blank: break
            case .filesystem(let kind): try makeFilesystem(kind, on: disk.partition(index + 1))
            case .random: try writeRandomBytes(to: disk.partition(index + 1))
            // Only the table is left, and a piece of the first partition.
            case .unreadable: try disk.grow(to: 4 * mebibyte)
            }
        }
    }

    private static func makeFilesystem(_ kind: FilesystemKind, on device: String) throws {
        try Command.run("mkfs", "--type", kind.rawValue, "-q", device)
    }

    /// Somewhere within, where no signature is looked for.
    private static func writeRandomBytes(to device: String) throws {
        try Command.run("dd", "if=/dev/urandom", "of=\(device)", "bs=4k", "count=1", "seek=300", "conv=fsync")
    }

    // MARK: - Files

    func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    func putLink(to target: String, at path: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
    }

    // MARK: - Services

    func biosSerialNumber() -> String? {
        let text = try? String(contentsOfFile: "/sys/class/dmi/id/product_serial", encoding: .utf8)
        return text.map { $0.trimmingCharacters(in: .newlines) }
    }

    func addService(_ service: TestService) throws {
        let systemd = try #require(systemd)
        if service.startType == .disabled {
            try systemd.link(service.name.unit, to: "/dev/null")
        } else {
            try systemd.install(service.name.unit, Self.unit(service))
        }
        if service.startType == .automatic {
            try systemd.link("container.target.wants/\(service.name.unit)", to: "../\(service.name.unit)")
        }
        try systemd.reload()
    }

    private static func unit(_ service: TestService) -> String {
        """
        [Unit]
        Description=\(service.displayName)
        \(service.requires.map { "Requires=\($0.unit)" }.joined(separator: "\n"))
        \(service.isOrdered ? service.requires.map { "After=\($0.unit)" }.joined(separator: "\n") : "")
        [Service]
        Type=\(service.failsToStart ? "oneshot" : "exec")
        ExecStart=\(service.failsToStart ? "/bin/false" : "/bin/sleep infinity")
        ExecStop=/bin/sh -c 'echo %n >>/run/stopped'
        [Install]
        WantedBy=container.target
        """
    }

    func stoppedServices() throws -> [ServiceName] {
        let text = try String(contentsOfFile: try #require(systemd).path("/run/stopped"), encoding: .utf8)
        return try text.split(separator: "\n").map { try ServiceName(String($0)) }
    }

    // MARK: - Targets

    func addTarget(chap: CHAP?, mutual: CHAP?) throws -> ISCSITarget {
        ISCSITarget(try #require(targets).add(chap: chap, mutual: mutual), at: ISCSITargets.ipv4)
    }
}
