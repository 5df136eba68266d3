// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
public import HostStorage
import HostStorageLinux
public import Logging
import ProxyServer
import ServiceLifecycle
import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve all groups and versions until SIGTERM or SIGINT.",
        discussion: "Opens one socket per group and version, csi-proxy-<group>-<version>, all of them or none.")

    @Option(help: "The directory of the sockets; made with mode 0750 where it is missing.")
    var pipeDir = "/run/csi-proxy"

    @Option(help: "The kubelet's directory; callers may name paths beneath it.")
    var kubeletPath = "/var/lib/kubelet"

    @Option(
        name: .customLong("working-dir"), help: "A further directory beneath which callers may name paths. Repeatable.")
    var workingDirs: [String] = []

    @Option(
        name: .customLong("drive"), help: "The host directory that a drive letter stands for, such as C=/. Repeatable.")
    var drives: [Drive] = []

    @Option(
        help:
            "The filesystem that FormatVolume makes: \(FilesystemKind.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var filesystem = FilesystemKind.ext4

    @Option(
        help: "Keeps what all processes of the node must know, and what outlives them, such as begun formats.")
    var stateDir = "/var/lib/host-storage"

    @Option(
        name: .customLong("changeable-service"),
        help: "A service that callers may start and stop, * for any characters; none unless named. Repeatable.")
    var changeableServices: [ServicePattern] = []

    @Option(help: "The least severe messages to log: \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
    var logLevel = Logger.Level.info

    @Option(help: "Not yet supported: the address to serve metrics on.")
    var metricsBindAddress: String?

    func validate() throws {
        if metricsBindAddress != nil {
            throw ValidationError("--metrics-bind-address is not yet supported")
        }
    }

    func run() async throws {
        var logger = Logger(label: "csi-proxy", factory: StreamLogHandler.standardError(label:))
        logger.logLevel = logLevel
        do {
            try await serve(logger)
        } catch {
            logger.critical("\(error)")
            throw ExitCode.failure
        }
    }

    private func serve(_ logger: Logger) async throws {
        var map: [Character: String] = [:]
        for drive in drives { map[drive.letter] = drive.directory }
        var settings = HostSettings(paths: try PathPolicy(roots: workingDirs + [kubeletPath], drives: map))
        settings.filesystem = filesystem
        settings.changeableServices = changeableServices
        logger.info(
            "csi-proxy \(CSIProxy.configuration.version)",
            metadata: ["roots": "\(settings.paths.roots)", "filesystem": "\(filesystem.rawValue)"])
        let backend = try LinuxBackend(settings: settings, stateDirectory: stateDir, logger: logger)
        await backend.recover()
        let server = ProxyServer(
            host: Host(backend: backend, settings: settings, logger: logger), pipeDirectory: pipeDir, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: server)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// A drive letter and its directory, as the command line spells them: `C=/srv/windows`.
struct Drive: ExpressibleByArgument {
    let letter: Character
    let directory: String

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let letter = parts[0].first, parts[0].count == 1 || parts[0].dropFirst() == ":" else {
            return nil
        }
        self.letter = letter
        directory = String(parts[1])
    }
}

extension FilesystemKind: ExpressibleByArgument {}

extension ServicePattern: ExpressibleByArgument {
    public init?(argument: String) {
        guard let pattern = try? ServicePattern(argument) else { return nil }
        self = pattern
    }
}
extension Logger.Level: @retroactive ExpressibleByArgument {}
