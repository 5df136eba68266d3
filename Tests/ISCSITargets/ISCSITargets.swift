// SPDX-License-Identifier: Apache-2.0

import Foundation
public import HostStorage
import LoopDisks
import Synchronization

/// iSCSI targets of the virtual machine's own kernel (LIO), at addresses of its own, and an iscsid; gone with their
/// owner, and with them all that the host knows of any. One owner at a time.
public final class ISCSITargets: Sendable {
    public static let ipv4 = portal("127.0.0.1")
    public static let ipv6 = portal("::1")
    /// An address of this machine that it can give up, so that no server answers there; ``leaveNetwork()``.
    public static let leaving = portal("192.0.2.2")

    private static func portal(_ address: String) -> ISCSIPortal {
        guard let portal = try? ISCSIPortal(address: address) else { fatalError("\(address) is no portal") }
        return portal
    }

    private static let configuration = "/sys/kernel/config/target"
    private let names = Mutex<[ISCSIName]>([])
    private let scratch: ScratchDirectory
    private let daemon = Mutex<Process?>(nil)

    public init() throws {
        guard Machine.isHere else { throw CommandFailed("iSCSI targets are for the virtual machine: make test") }
        scratch = try ScratchDirectory()
        try Command.run("modprobe", "--all", "configfs", "sd_mod", "iscsi_tcp")
        // The directory of the kernel's target configuration; the module looks for it once.
        try FileManager.default.createDirectory(atPath: "/etc/target", withIntermediateDirectories: true)
        try Command.run("modprobe", "--all", "target_core_mod", "target_core_file", "iscsi_target_mod")
        if !FileManager.default.fileExists(atPath: Self.configuration) {
            try Command.run("mount", "-t", "configfs", "configfs", "/sys/kernel/config")
        }
        try Self.make("\(Self.configuration)/iscsi")
        try joinNetwork()
        // Where iscsiadm has its lock; a machine's init makes it.
        try FileManager.default.createDirectory(atPath: "/run/lock", withIntermediateDirectories: true)
        try startDaemon()
    }

    deinit {
        _ = try? startDaemon()
        _ = try? Command.run("iscsiadm", "-m", "session", "-u")
        for name in names.withLock({ $0 }) { try? remove(name) }
        stopDaemon()
        for directory in ["nodes", "send_targets", "host-storage-login"] {
            for root in ["/etc/iscsi", "/var/lib/iscsi"] {
                _ = try? Command.run("rm", "--recursive", "--force", "\(root)/\(directory)")
            }
        }
        leaveNetwork()
    }

    // MARK: - Targets

    /// Sets up a target with blank disks of 64 MiB.
    ///
    /// - Parameters:
    ///   - chap: the name and secret that a login has to prove; nil accepts every login.
    ///   - mutual: the name and secret that the target proves on request.
    ///   - portals: where.
    public func add(
        disks: Int = 1, chap: CHAP? = nil, mutual: CHAP? = nil, at portals: [ISCSIPortal] = [ISCSITargets.ipv4]
    ) throws -> ISCSIName {
        let name = try ISCSIName("iqn.2001-04.com.example:\(UUID().uuidString.lowercased())")
        names.withLock { $0.append(name) }
        let group = Self.group(name)
        for portal in portals { try Self.make("\(group)/np/\(portal)") }
        for disk in 0..<disks {
            let store = "\(Self.configuration)/core/fileio_0/\(Self.store(name, disk))"
            let file = "\(scratch.path)/\(Self.store(name, disk))"
            guard FileManager.default.createFile(atPath: file, contents: nil), truncate(file, 64 << 20) == 0 else {
                throw CommandFailed("truncate \(file)")
            }
            try Self.make(store)
            try Self.write("fd_dev_name=\(file),fd_dev_size=\(64 << 20)", to: "\(store)/control")
            try Self.write("1", to: "\(store)/enable")
            try Self.make("\(group)/lun/lun_\(disk)")
            try FileManager.default.createSymbolicLink(
                atPath: "\(group)/lun/lun_\(disk)/disk", withDestinationPath: store)
        }
        try Self.write("1", to: "\(group)/attrib/generate_node_acls")
        try Self.write("1", to: "\(group)/attrib/cache_dynamic_acls")
        try Self.write("0", to: "\(group)/attrib/demo_mode_write_protect")
        try Self.write(chap == nil ? "0" : "1", to: "\(group)/attrib/authentication")
        for (proof, suffix) in [(chap, ""), (mutual, "_mutual")] {
            guard let proof else { continue }
            try Self.write(proof.name, to: "\(group)/auth/userid\(suffix)")
            try Self.write(proof.secret.revealed, to: "\(group)/auth/password\(suffix)")
        }
        try Self.write("1", to: "\(group)/enable")
        return name
    }

    /// Takes a target away, with the sessions that it has.
    public func remove(_ name: ISCSIName) throws {
        names.withLock { $0.removeAll { $0 == name } }
        let group = Self.group(name)
        try Self.write("0", to: "\(group)/enable")
        for lun in Self.entries("\(group)/lun") where lun.hasPrefix("lun_") {
            try FileManager.default.removeItem(atPath: "\(group)/lun/\(lun)/disk")
            try Command.run("rmdir", "\(group)/lun/\(lun)")
        }
        for portal in Self.entries("\(group)/np") { try Command.run("rmdir", "\(group)/np/\(portal)") }
        try Command.run("rmdir", group, "\(Self.configuration)/iscsi/\(name)")
        for store in Self.entries("\(Self.configuration)/core/fileio_0") where store.hasPrefix(Self.store(name, nil)) {
            try Command.run("rmdir", "\(Self.configuration)/core/fileio_0/\(store)")
        }
    }

    private static func group(_ name: ISCSIName) -> String { "\(configuration)/iscsi/\(name)/tpgt_1" }

    private static func store(_ name: ISCSIName, _ disk: Int?) -> String {
        name.description.split(separator: ":").last.map { "\($0)-\(disk.map(String.init) ?? "")" } ?? ""
    }

    private static func entries(_ directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    }

    private static func make(_ directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private static func write(_ text: String, to path: String) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        defer { try? handle.close() }
        try handle.write(contentsOf: Data(text.utf8))
    }

    // MARK: - Network

    /// The machine has an interface that leads nowhere, with one address that stays, so that there is a way to the other.
    public func joinNetwork() throws {
        _ = try? Command.run("ip", "link", "add", "nowhere", "type", "dummy")
        _ = try? Command.run("ip", "address", "add", "192.0.2.1/24", "dev", "nowhere")
        _ = try? Command.run("ip", "address", "add", "\(Self.leaving.address)/24", "dev", "nowhere")
        try Command.run("ip", "link", "set", "nowhere", "up")
    }

    /// Packets to ``leaving`` are lost from now on.
    public func leaveNetwork() {
        _ = try? Command.run("ip", "address", "del", "\(Self.leaving.address)/24", "dev", "nowhere")
    }

    // MARK: - iscsid

    /// Its output.
    public var log: String { "\(scratch.path)/iscsid.log" }

    public func startDaemon() throws {
        guard daemon.withLock({ $0 == nil }) else { return }
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let output = try FileHandle(forWritingTo: URL(filePath: log))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/sbin/iscsid")
        // With debugging on (-d 8) it writes its secrets into its log itself.
        process.arguments = ["--foreground"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        daemon.withLock { $0 = process }
        for _ in 0..<1000 {
            let sockets = (try? String(contentsOfFile: "/proc/net/unix", encoding: .utf8)) ?? ""
            if sockets.contains("@ISCSIADM_ABSTRACT_NAMESPACE") { return }
            usleep(20_000)
        }
        throw CommandFailed("iscsid has not come")
    }

    /// Freezes it, so that its clients wait.
    public func freezeDaemon() { signalDaemon(SIGSTOP) }
    public func thawDaemon() { signalDaemon(SIGCONT) }

    private func signalDaemon(_ signal: Int32) {
        daemon.withLock { if let id = $0?.processIdentifier { _ = kill(id, signal) } }
    }

    public func stopDaemon() {
        let process = daemon.withLock { daemon -> Process? in
            defer { daemon = nil }
            return daemon
        }
        // It ends its children itself.
        process?.terminate()
        process?.waitUntilExit()
    }
}
