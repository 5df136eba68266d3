// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
import CoreMetrics
public import HostStorage
import HostStorageLinux
public import Logging
public import ProxyMetrics
import ProxyServer
import ServiceLifecycle
import StorageAccess

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve all groups and versions until SIGTERM or SIGINT.",
        discussion: "Opens one socket per group and version, csi-proxy-<group>-<version>, all of them or none.")

    @Option(help: "The directory of the sockets; made with mode 0750 where it is missing.")
    var pipeDir = "/run/csi-proxy"

    @Option(help: "The user, by name or number, that the sockets belong to; csi-proxy's own unless given.")
    var socketOwner: String?

    @Option(help: "The group, by name or number, whose members may connect; csi-proxy's own unless given.")
    var socketGroup: String?

    @Option(
        help: """
            Who may call what on what; read again at SIGHUP. Without it, root and the members of the socket \
            group may call everything.
            """)
    var policy: String?

    @Option(
        help:
            "The kubelet's directory; callers may name paths beneath it. /var/lib/kubelet or C:\\var\\lib\\kubelet unless set, by the dialect."
    )
    var kubeletPath: String?

    @Option(
        name: .customLong("drive"), help: "The host directory that a drive letter stands for, such as C=/. Repeatable.")
    var drives: [Drive] = []

    @Option(
        help:
            "The spelling of paths that is accepted and returned: \(PathDialect.allCases.map(\.rawValue).joined(separator: ", ")). With both, paths are returned in POSIX spelling."
    )
    var dialect = PathDialect.both

    @Flag(help: "Look names up as Windows does: the exact name, else the one that differs in case alone.")
    var ignoreCase = false

    @OptionGroup var options: HostOptions

    @Option(
        help: "Keeps what all processes of the node must know, and what outlives them, such as begun formats.")
    var stateDir = "/var/lib/host-storage"

    @Option(
        name: .customLong("changeable-service"),
        help: "A service that callers may start and stop, * for any characters; none unless named. Repeatable.")
    var changeableServices: [ServicePattern] = []

    @Flag(help: "Answer gRPC's server reflection, for tools such as grpcurl, to callers that may use anything there.")
    var reflection = false

    @Flag(help: "Serve the versions that are not released, too; they may change.")
    var unreleased = false

    @Option(help: "The least severe messages to log: \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
    var logLevel = Logger.Level.info

    @Option(
        help: ArgumentHelp(
            """
            Serve metrics for Prometheus at http://HOST:PORT/metrics; not unless given. Every client that reaches the \
            address can read them, so 127.0.0.1 or [::1] is best; without HOST it is every address.
            """, valueName: "host:port"))
    var metricsBindAddress: MetricsAddress?

    func run() async throws { try await Serving.logged(logLevel, serve) }

    private func serve(_ logger: Logger) async throws {
        // Before the process receives any secret.
        try ProcessMemory.keepPrivate()
        let metrics = metricsBindAddress.map { _ in MetricsRegistry(descriptions: ServedMetrics.descriptions) }
        // Metrics go to it from here on; without one they are discarded.
        if let metrics { MetricsSystem.bootstrap(metrics) }
        // Refusals are logged at every log level.
        let audit = ProgramLog.logger(.audit)
        var map: [Character: String] = [:]
        for drive in drives { map[drive.letter] = drive.directory }
        let kubelet = kubeletPath ?? (dialect == .windows ? #"C:\var\lib\kubelet"# : "/var/lib/kubelet")
        var settings = try options.settings(kubelet: kubelet, drives: map, dialect, ignoresCase: ignoreCase)
        guard (try? settings.paths.place(hostPath: stateDir)) == nil else {
            throw StorageError(
                .invalidArgument, "the state directory lies within a working directory, where callers could change it",
                subject: stateDir)
        }
        settings.changeableServices = changeableServices
        logger.info(
            "csi-proxy \(CSIProxy.configuration.version)",
            metadata: ["roots": "\(settings.paths.roots)", "filesystem": "\(settings.filesystem.rawValue)"])
        let owner = SocketOwner(
            uid: try socketOwner.map { try Account.uid($0) }, gid: try socketGroup.map { try Account.gid($0) })
        let source = PolicySource(file: policy, socketGroup: owner.gid, drives: map)
        let access = AccessControl(policy: try source.load(), paths: settings.paths, audit: audit)
        let warnings = StartWarnings(settings: settings, logger: logger)
        let connectionLimit = try warnings.limits()
        if let reason = try StateDirectory.examine(stateDir) {
            logger.error(
                "nothing can be noted down in the state directory, so nothing can be formatted or partitioned: \(reason)"
            )
        }
        await ToolThreads.begin()
        warnings.warnOfRoots()
        warnings.warnOfDisks()
        warnings.warn(of: access.policyInForce)
        let (hangups, hangup) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let host = try await LinuxHost.open(settings, stateDirectory: stateDir, logger: logger)
        var services: [any Service] = [
            ProxyServer(
                host: host, access: access, pipeDirectory: pipeDir, owner: owner, logger: logger,
                connectionLimit: connectionLimit, describesItself: reflection,
                servesUnreleased: unreleased),
            PolicyReload(source: source, access: access, signals: hangups, logger: logger) { warnings.warn(of: $0) },
        ]
        if let metrics, let metricsBindAddress {
            ServedMetrics.add(of: host, to: metrics)
            // It listens from here on, so that a port that is taken leaves no sockets behind.
            services.append(try await MetricsEndpoint(at: metricsBindAddress, showing: metrics, logger: logger))
        }
        try await Serving.untilSignalled(
            services, logger, timeout: .seconds(15), readPolicy: { hangup.yield() },
            underWay: { host.operations.running.map(\.description) })
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

extension PathDialect: ExpressibleByArgument {}

extension ServicePattern: ExpressibleByArgument {
    public init?(argument: String) {
        guard let pattern = try? ServicePattern(argument) else { return nil }
        self = pattern
    }
}

extension MetricsAddress: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
