// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks
import Synchronization

/// An SMB server of the test's own, Samba's smbd at a loopback address that no other has; gone with its owner.
///
/// Runs in the virtual machine alone: it adds users to the machine, and only that kernel can mount its shares.
public final class SambaServer: Sendable {
    /// An address of this machine, 127.x.y.z.
    public let address: String
    private let scratch: ScratchDirectory
    private let shares = Mutex<[String: String]>([:])

    private static let count = Atomic(0)

    /// - Parameters:
    ///   - settings: further lines for the global section of its configuration.
    ///   - addresses: others that it is to listen at, each with the length of its prefix.
    public init(_ settings: [String] = [], addresses: [String] = []) throws {
        guard Machine.isHere else { throw CommandFailed("Samba runs in the virtual machine: make test") }
        let number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
        address = "127.77.\(number / 250).\(number % 250 + 1)"
        scratch = try ScratchDirectory()
        // Samba binds to addresses of interfaces alone.
        try Command.run("ip", "address", "add", "\(address)/32", "dev", "lo")
        let global =
            [
                "server role = standalone server",
                "interfaces = \(([address + "/32"] + addresses).joined(separator: " "))", "bind interfaces only = yes",
                "smb ports = 445", "disable spoolss = yes", "load printers = no", "map to guest = bad user",
                "log file = \(scratch.path)/log", "log level = 1",
            ]
            + ["lock directory", "state directory", "cache directory", "private dir", "pid directory", "ncalrpc dir"]
            .map { "\($0) = \(scratch.path)/state" } + settings
            // The included file has sections of its own, so nothing may follow.
            + ["include = \(scratch.path)/shares"]
        try FileManager.default.createDirectory(atPath: "\(scratch.path)/state", withIntermediateDirectories: true)
        try "[global]\n\(global.joined(separator: "\n"))\n".write(
            toFile: configuration, atomically: true, encoding: .utf8)
        try writeShares()
        try start()
    }

    deinit {
        stop()
        _ = try? Command.run("ip", "address", "delete", "\(address)/32", "dev", "lo")
    }

    private var configuration: String { "\(scratch.path)/smb.conf" }

    // MARK: - The server

    public func start() throws {
        try Command.run("smbd", "--configfile=\(configuration)", "--daemon")
        let probe = "until exec 3<>/dev/tcp/\(address)/445; do sleep 0.02; done"
        try Command.run("timeout", "20", "bash", "-c", "\(probe) 2>/dev/null")
    }

    /// Ends it with all its connections, as a server that is switched off.
    public func stop() {
        signal("KILL")
        // Until then the address is taken.
        guard let process else { return }
        let wait = "while pgrep --pgroup \(process); do sleep 0.02; done"
        _ = try? Command.run("timeout", "20", "sh", "-c", wait)
    }

    /// Keeps it from answering; its connections stay.
    public func freeze() { signal("STOP") }
    public func thaw() { signal("CONT") }

    private var process: String? {
        (try? String(contentsOfFile: "\(scratch.path)/state/smbd.pid", encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// To the daemon and to those of its children that serve connections: one process group.
    private func signal(_ signal: String) {
        guard let process else { return }
        _ = try? Command.run("pkill", "-\(signal)", "--pgroup", process)
    }

    // MARK: - Shares and users

    /// Adds a share and returns the directory that it is.
    ///
    /// - Parameter user: the user of the share; nil for guests.
    public func addShare(_ name: String, for user: String?) throws -> String {
        let directory = "\(scratch.path)/\(name)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Command.run("chmod", "0777", directory)
        // As root on the server: the share decides the client's rights.
        let access = user.map { "valid users = \($0)\nforce user = root" } ?? "guest ok = yes\nguest only = yes"
        shares.withLock { $0[name] = "[\(name)]\npath = \(directory)\nread only = no\n\(access)\n" }
        try writeShares()
        return directory
    }

    private func writeShares() throws {
        let text = shares.withLock { $0.values.sorted().joined(separator: "\n") }
        try text.write(toFile: "\(scratch.path)/shares", atomically: true, encoding: .utf8)
        _ = try? Command.run("smbcontrol", "--configfile=\(configuration)", "smbd", "reload-config")
    }

    /// Adds a user of the server, or changes the password. The password goes through a pipe.
    public func setPassword(_ password: String, of user: String) throws {
        _ = try? Command.run("useradd", "--no-create-home", "--shell", "/usr/sbin/nologin", user)
        let file = "\(scratch.path)/password"
        try "\(password)\n\(password)\n".write(toFile: file, atomically: true, encoding: .utf8)
        defer { _ = try? FileManager.default.removeItem(atPath: file) }
        try Command.run("sh", "-c", "smbpasswd -c \(configuration) -s -a \(user) <\(file)")
    }
}
