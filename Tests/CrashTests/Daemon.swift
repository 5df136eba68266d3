// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import HostStorageClient
import LoopDisks
import StorageVersions
import Testing

/// The proxy as a process of its own, which can be killed and started again, and whose mkfs can be killed.
final class Daemon {
    let scratch: ScratchDirectory
    /// Kills the proxy itself.
    let own: KillSwitch
    /// Kills the tool that makes its filesystem.
    let tools: KillSwitch
    private let filesystem: FilesystemKind
    private var process: ChildProcess?

    /// - Parameter tool: a shell script that is run in place of mkfs, with its arguments; `$real` is mkfs itself and `$here` the
    ///   scratch directory.
    init(_ filesystem: FilesystemKind, tool: String = #"exec $real "$@""#) throws {
        scratch = try ScratchDirectory()
        own = try KillSwitch("own", in: scratch)
        tools = try KillSwitch("tools", in: scratch)
        self.filesystem = filesystem
        try Self.makeStandIn(for: "/usr/sbin/mkfs.\(filesystem.rawValue)", tools, tool, in: scratch)
    }

    deinit { kill() }

    /// Starts it, and returns once it answers.
    func start() async throws -> any StorageHost {
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "csi-proxy").path
        let log = "\(scratch.path)/log"
        let command = """
            mount --bind \(scratch.path)/mkfs /usr/sbin/mkfs.\(filesystem.rawValue)
            exec env \(own.environment.joined(separator: " ")) KILL_SWITCH_LEASH=1 \(program) serve \
            --pipe-dir \(scratch.path)/pipes --kubelet-path \(scratch.path)/kubelet --state-dir \(scratch.path)/state \
            --filesystem \(filesystem.rawValue) 2>>\(log)
            """
        try own.disarm()
        // The stand-in is for this proxy alone.
        let process = try ChildProcess(["unshare", "--mount", "--propagation", "private", "sh", "-ec", command])
        self.process = process
        let end = ContinuousClock.now + Self.timeout
        while !process.hasEnded, .now < end {
            // The sockets come one after the other.
            if let client = try? HostStorageClient(pipeDirectory: "\(scratch.path)/pipes", deadline: .seconds(60)),
                client.versions.count == APIGroup.allCases.count
            {
                return client
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw CommandFailed("csi-proxy has not come up:\n\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
    }

    /// Ends it at once, at any point of its work, unless it has ended.
    func kill() { process?.kill() }

    var processIdentifier: pid_t { process?.id ?? 0 }

    /// Makes a file in the scratch directory, for its tool to see.
    func make(_ file: String) {
        _ = FileManager.default.createFile(atPath: "\(scratch.path)/\(file)", contents: nil)
    }

    /// Waits until its tool has made that file in the scratch directory.
    func waitFor(_ file: String) async throws {
        try await eventually("the tool comes to where it makes \(file)") {
            FileManager.default.fileExists(atPath: "\(scratch.path)/\(file)")
        }
    }

    /// Bounds the wait for a proxy that hangs.
    private static let timeout = Duration.seconds(180)

    /// Whether it has ended, or does so before long.
    func endsSoon() async throws -> Bool {
        let end = ContinuousClock.now + Self.timeout
        while let process, !process.hasEnded {
            guard .now < end else { return false }
            try await Task.sleep(for: .milliseconds(10))
        }
        return true
    }

    private static func makeStandIn(
        for tool: String, _ control: KillSwitch, _ script: String, in scratch: ScratchDirectory
    ) throws {
        let directory = "\(scratch.path)/real"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        // mke2fs goes by its own name.
        let real = "\(directory)/\(URL(filePath: tool).lastPathComponent)"
        try Command.run("cp", "--dereference", tool, real)
        let text =
            "#!/bin/sh\nreal='env \(control.environment.joined(separator: " ")) \(real)'\nhere=\(scratch.path)\n\(script)\n"
        try text.write(toFile: "\(scratch.path)/mkfs", atomically: false, encoding: .utf8)
        try Command.run("chmod", "+x", "\(scratch.path)/mkfs")
    }
}
