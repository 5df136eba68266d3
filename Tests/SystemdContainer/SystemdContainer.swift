// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks

/// A systemd of the test's own, with D-Bus, gone with its owner. See `start` beside this file.
public final class SystemdContainer: Sendable {
    private let scratch: ScratchDirectory
    private let process: pid_t

    public init() throws {
        guard RealDisks.areAvailable else {
            throw CommandFailed("systemd takes root in a mount namespace of its own: make test")
        }
        scratch = try ScratchDirectory()
        let start = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "start").path
        let answer = try Command.run(start, scratch.path)
        guard let process = pid_t(answer) else { throw CommandFailed("\(start): \(answer)") }
        self.process = process
    }

    deinit {
        // The first process of a PID namespace takes all others along.
        kill(process, SIGKILL)
        let cgroups = "\(scratch.path)/cgroups"
        let own = "\(cgroups)/\(scratch.path.split(separator: "/").last ?? "")"
        for _ in 0..<100 {
            _ = try? Command.run("find", own, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";")
            guard FileManager.default.fileExists(atPath: own) else { break }
            usleep(20_000)
        }
        _ = try? Command.run("umount", cgroups)
    }

    /// A file of the container, as it is here.
    public func path(_ path: String) -> String { "/proc/\(process)/root\(path)" }

    public var bus: String { "unix:path=\(path("/run/dbus/system_bus_socket"))" }

    /// Installs a unit, or replaces it.
    public func install(_ unit: String, _ text: String) throws {
        try text.write(toFile: path("/etc/systemd/system/\(unit)"), atomically: false, encoding: .utf8)
    }

    /// Makes a link among the units, which is how one is enabled, masked or given another name.
    public func link(_ name: String, to target: String) throws {
        let link = path("/etc/systemd/system/\(name)")
        try FileManager.default.createDirectory(
            atPath: URL(filePath: link).deletingLastPathComponent().path, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    }

    /// Has systemd read its units anew.
    public func reload() throws { try call("Reload") }

    /// Calls a method of systemd's manager with strings.
    public func call(_ method: String, _ arguments: String...) throws {
        let signature = arguments.isEmpty ? [] : [String(repeating: "s", count: arguments.count)]
        try Command.run(
            [
                "busctl", "--address=\(bus)", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                "org.freedesktop.systemd1.Manager", method,
            ] + signature + arguments)
    }
}
