// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc
import HostStorage
import HostStorageClient
import HostStorageLinux
import Logging

/// What a node plugin does with a disk from the day it is attached to the day it leaves, over the sockets or
/// linked: only the constructor of the host differs.
@main
struct MainJob: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "main-job", abstract: "Takes a blank loop device from raw to published and back.")

    enum Kind: String, ExpressibleByArgument, CaseIterable { case proxy, linked }

    @Option(help: "How the host is reached: proxy or linked.")
    var host: Kind

    @Option(help: "The loop device, blank and without partitions.")
    var device: String

    @Option(help: "The file behind the loop device, which grows on the way.")
    var file: String

    @Option(help: "The kubelet's directory of the host.")
    var kubeletPath: String

    @Option(help: "The directory of the proxy's sockets.")
    var pipeDir = "/run/csi-proxy"

    @Option(help: "Linked only: the filesystem to make.")
    var filesystem = "ext4"

    @Option(help: "Linked only: the state directory.")
    var stateDir = "/var/lib/host-storage"

    func run() async throws {
        let host: any StorageHost =
            switch host {
            case .proxy: try HostStorageClient(pipeDirectory: pipeDir)
            case .linked: try await linkedHost()
            }
        try await Job(host: host, device: device, file: file, kubelet: kubeletPath).run()
    }

    private func linkedHost() async throws -> any StorageHost {
        var settings = HostSettings(paths: try PathPolicy(roots: [kubeletPath]))
        guard let filesystem = FilesystemKind(rawValue: filesystem) else {
            throw ValidationError("\(filesystem) is no filesystem that can be made")
        }
        settings.filesystem = filesystem
        var logger = Logger(label: "main-job", factory: StreamLogHandler.standardError(label:))
        logger.logLevel = .warning
        return try await LinuxHost.open(settings, stateDirectory: stateDir, logger: logger)
    }
}
