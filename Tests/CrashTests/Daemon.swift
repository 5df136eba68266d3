// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageClient
import LoopDisks

/// The proxy as a process of its own, which can be killed and started again, and whose mkfs can be killed.
final class Daemon {
    let scratch: ScratchDirectory
    /// Kills the proxy itself.
    let own: KillSwitch
    /// Kills the tool that makes its filesystem.
    let tools: KillSwitch
    private let filesystem: FilesystemKind
    private var process: Process?

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
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        // The stand-in is for this proxy alone.
        process.arguments = ["--mount", "--propagation", "private", "sh", "-ec", command]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try own.disarm()
        try process.run()
        self.process = process
        for _ in 0..<1000 where process.isRunning {
            if let client = try? HostStorageClient(pipeDirectory: "\(scratch.path)/pipes", deadline: .seconds(60)) {
                return client
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw CommandFailed("csi-proxy has not come up:\n\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
    }

    /// Ends it at once, in the midst of whatever it does, unless it has ended.
    func kill() {
        guard let process else { return }
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    var processIdentifier: Int32 { process?.processIdentifier ?? 0 }

    var hasEnded: Bool { process?.isRunning != true }

    /// Makes a file in the scratch directory, for its tool to see.
    func make(_ file: String) {
        _ = FileManager.default.createFile(atPath: "\(scratch.path)/\(file)", contents: nil)
    }

    /// Waits until its tool has made that file in the scratch directory.
    func waitFor(_ file: String) async throws {
        for _ in 0..<1000 {
            if FileManager.default.fileExists(atPath: "\(scratch.path)/\(file)") { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw CommandFailed("the tool has not come to where it makes \(file)")
    }

    /// Waits until it has been killed.
    func waitForEnd() async throws {
        for _ in 0..<1000 where !hasEnded { try await Task.sleep(for: .milliseconds(10)) }
        guard hasEnded else { throw CommandFailed("csi-proxy was to be killed, and lives on") }
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
