// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import HostStorage
import HostStorageLinux
import HostStorageTestKit
import Logging
import ProxyServer
import StorageAccess

struct Sandbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A Windows host for the tests of a CSI driver, until SIGTERM or SIGINT.",
        discussion: """
            Serves all groups and versions. Paths are spelled and looked up as on Windows, C: is a scratch directory, \
            and the disks are files; this machine's own disks are neither shown nor changed. All that was made is \
            removed at the end; what a killed sandbox has left, the next one removes.

            Disks take root. Without root, or with --in-memory, the whole host is in memory, files included; with \
            --disks 0 the filesystem group works on real files, which takes no root.
            """)

    @Option(help: "How many disks there are. They stand at LUN 0, 1, ….")
    var disks = 3

    @Option(help: "The size of each disk, in MiB.")
    var diskSize: Int64 = 1024

    @Option(help: "The page 83 name of a disk, sandbox-disk-<LUN> unless set. Repeatable, in the order of the LUNs.")
    var page83: [String] = []

    @Flag(help: "Keep everything in memory, also as root.")
    var inMemory = false

    @Option(help: "The directory in which the sandboxes of all users have theirs.")
    var directory = "/tmp"

    @Option(help: "The directory of the sockets; one in the sandbox unless set.")
    var pipeDir: String?

    @Option(help: "The kubelet's directory; callers may name paths beneath it.")
    var kubeletPath = #"C:\var\lib\kubelet"#

    @OptionGroup var options: HostOptions

    @Option(help: "The least severe messages to log: \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
    var logLevel = Logger.Level.warning

    /// The share of a host in memory.
    private static let share = #"\\sandbox\share"#

    func validate() throws {
        guard (0...64).contains(disks) else { throw ValidationError("--disks is 0 to 64") }
        guard (16...(1 << 20)).contains(diskSize) else { throw ValidationError("--disk-size is 16 to 1048576 MiB") }
        guard page83.count <= disks else { throw ValidationError("there are more names than disks") }
    }

    func run() async throws { try await Serving.logged(logLevel, serve) }

    private func serve(_ logger: Logger) async throws {
        let directory = try SandboxDirectory(in: directory) { path, error in
            if let error {
                logger.warning("a killed sandbox has left what cannot be removed: \(error)")
            } else {
                logger.notice("removed what a killed sandbox has left", metadata: ["directory": "\(path)"])
            }
        }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await serve(in: directory, logger)) } catch { outcome = .failure(error) }
        try directory.remove()
        try outcome.get()
    }

    private func serve(in directory: SandboxDirectory, _ logger: Logger) async throws {
        let drive = try directory.makeDirectory("c")
        let settings = try options.settings(kubelet: kubeletPath, drives: ["C": drive], .windows, ignoresCase: true)
        let pipes = try pipeDir ?? directory.makeDirectory("pipes")
        let disks = (0..<disks).map { index in
            SandboxDisk(
                index: index, page83: index < page83.count ? page83[index] : nil, size: diskSize << 20)
        }
        var lines = ["sockets \(pipes)"]
        let host: any StorageHost
        if inMemory || (geteuid() != 0 && !disks.isEmpty) {
            let backend = MemoryBackend(settings: settings)
            for disk in disks {
                let number = try backend.attachDisk(
                    size: disk.size, identifiers: disk.identifiers, location: disk.location)
                lines.append(Self.line(number, disk, file: "in memory"))
            }
            lines.append("C: in memory")
            try backend.addShare(Self.share, accounts: ["driver": "password"])
            lines.append("share \(Self.share) user driver password password")
            host = LocalHost(backend: backend, settings: settings, logger: logger)
        } else {
            let attached = try attach(disks, in: directory, &lines)
            lines.append("C: \(drive)")
            let machine = try LinuxBackend(
                settings: settings, stateDirectory: directory.makeDirectory("state"), logger: logger)
            let backend = SandboxBackend(machine: machine, disks: attached)
            for root in settings.paths.roots { try await machine.makeDirectory(settings.paths.place(hostPath: root)) }
            host = LocalHost(backend: backend, settings: settings, logger: logger)
        }
        let audit = ProgramLog.logger(.audit)
        let access = AccessControl(
            policy: .standard(socketGroup: getegid()), paths: settings.paths, audit: audit)
        let server = ProxyServer(
            host: host, access: access, pipeDirectory: pipes, logger: logger,
            onListening: { [lines] in Self.say(lines + ["ready"]) })
        // Removing the sandbox takes its time.
        try await Serving.untilSignalled([server], logger, timeout: .seconds(60)) { [] }
    }

    private func attach(
        _ disks: [SandboxDisk], in directory: SandboxDirectory, _ lines: inout [String]
    ) throws -> [DiskNumber: SandboxBackend.AttachedDisk] {
        var attached: [DiskNumber: SandboxBackend.AttachedDisk] = [:]
        for disk in disks {
            let file = try directory.makeFile("disk-\(disk.location.lun)", size: disk.size)
            let device = try LoopDevice(file: file, reference: disk.identifiers.serialNumber)
            attached[device.number] = SandboxBackend.AttachedDisk(disk: disk, device: device)
            lines.append(Self.line(device.number, disk, file: file))
        }
        return attached
    }

    private static func line(_ number: DiskNumber, _ disk: SandboxDisk, file: String) -> String {
        "disk \(number) lun \(disk.location.lun) page83 \(disk.identifiers.page83) \(file)"
    }

    /// At once, also where the output is no terminal.
    private static func say(_ lines: [String]) {
        print(lines.joined(separator: "\n"))
        fflush(nil)
    }
}
