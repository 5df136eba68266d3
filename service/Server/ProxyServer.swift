// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
import GRPCCore
import GRPCNIOTransportCore
public import HostStorage
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import StorageVersions
import StorageWire

/// Offers a host's storage over one Unix socket per group and version.
public struct ProxyServer: Service {
    private let host: any StorageHost
    private let access: AccessControl
    private let pipeDirectory: String
    private let owner: SocketOwner
    private let logger: Logger
    private let metrics: CallMetrics
    private let connectionLimit: Int

    /// How many sockets there are.
    public static var socketCount: Int { APIGroup.allCases.reduce(0) { $0 + $1.versions.count } }
    private let onListening: @Sendable () -> Void

    /// Enough to send clients without rights their refusal, and too few to keep others from calling.
    private static let strangerLimit = 4

    /// - Parameters:
    ///   - access: decides about calls.
    ///   - pipeDirectory: where the sockets are made; made itself, with mode 0750, where it is missing.
    ///   - owner: the user and group of the sockets.
    ///   - metrics: their destination; discarded unless the program has set one up (`MetricsSystem.bootstrap`).
    ///   - connectionLimit: how many connections each socket serves at a time, those of callers that may do
    ///     nothing there not counted: of these a few are served, to be refused.
    ///   - onListening: called once all sockets are served.
    public init(
        host: any StorageHost, access: AccessControl, pipeDirectory: String = "/run/csi-proxy",
        owner: SocketOwner = SocketOwner(), logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory,
        connectionLimit: Int = 256,
        onListening: @escaping @Sendable () -> Void = {}
    ) {
        self.host = host
        self.access = access
        self.pipeDirectory = pipeDirectory
        self.owner = owner
        self.logger = logger
        self.metrics = CallMetrics(metrics)
        self.connectionLimit = connectionLimit
        self.onListening = onListening
    }

    /// Opens all sockets or none, serves until graceful shutdown, lets calls under way end (5 s), and
    /// removes the sockets' files.
    public func run() async throws {
        let versions = APIGroup.allCases.flatMap { group in group.versions.map { (group, $0) } }
        let sockets = try ListeningSocket.open(versions.map { $0.socketName($1) }, in: pipeDirectory, owner: owner)
        defer { for socket in sockets { socket.removeFile() } }
        if let reason = ListeningSocket.reasonAgainst(pipeDirectory, for: owner) {
            logger.warning(
                "the directory of the sockets is not as it should be: \(reason)",
                metadata: ["directory": "\(pipeDirectory)"])
        }
        logger.info("listening", metadata: ["directory": "\(pipeDirectory)", "sockets": "\(sockets.count)"])

        // One loop is enough for calls that only wait for the host, and spares every call its thread hops.
        // It is one of the process's own, for gRPC's last tasks still run on it after the servers have ended.
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let executor = EventLoopTaskExecutor(loop)
        let (bound, binding) = AsyncStream.makeStream(of: Void.self)
        let servers = zip(versions, sockets).map { version, socket in
            server(
                VersionedService(group: version.0, version: version.1, host: host, access: access), on: socket, loop
            ) { binding.yield() }
        }
        try await withTaskExecutorPreference(executor) {
            try await withThrowingTaskGroup { group in
                for server in servers { group.addTask { try await server.serve() } }
                group.addTask { [onListening] in
                    // NIO traps where a listener is closed while it is being registered, so none is stopped before all
                    // have begun.
                    var begun = bound.makeAsyncIterator()
                    for _ in servers { await begun.next() }
                    onListening()
                    try? await gracefulShutdown()
                    for server in servers { server.beginGracefulShutdown() }
                }
                try await group.waitForAll()
            }
        }
        logger.info("no longer listening")
    }

    private func server(
        _ service: VersionedService, on socket: ListeningSocket, _ loop: any EventLoop,
        onListening: @escaping @Sendable () -> Void
    ) -> GRPCServer<SocketTransport> {
        let tokens = StreamLifetimes()
        let (known, strangers) = (ConnectionLimit(connectionLimit), ConnectionLimit(Self.strangerLimit))
        let factory = SocketListenerFactory(
            eventLoopGroup: loop, socket: socket.descriptor,
            limit: { [access] in access.admits($0, to: service.group, service.version) ? known : strangers },
            onListening: onListening)
        let methods = ServedMethods(paths: Set(service.rows.map { "/\(service.name)/\($0.method)" })) {
            [metrics, name = service.name] in metrics.countUnknownMethod(of: name)
        }
        return GRPCServer(
            transport: SocketTransport(factory, tokens: tokens, methods: methods),
            services: [
                RegisteredService(
                    service: service, calls: ServedCalls(metrics: metrics, logger: logger), tokens: tokens)
            ])
    }
}
