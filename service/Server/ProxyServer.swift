// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
public import HostStorage
public import Logging
import NIOCore
import NIOPosix
import RPC
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
    private let describesItself: Bool
    private let servesUnreleased: Bool

    /// How many sockets there are at most.
    public static var socketCount: Int { APIGroup.allCases.reduce(0) { $0 + $1.versions.count } }
    private let onListening: @Sendable () -> Void

    /// What calls under way have to end.
    private static let grace: Duration = .seconds(5)

    /// - Parameters:
    ///   - access: decides about calls.
    ///   - pipeDirectory: where the sockets are made; made itself, with mode 0750, where it is missing.
    ///   - owner: the user and group of the sockets.
    ///   - metrics: their destination; discarded unless the program has set one up (`MetricsSystem.bootstrap`).
    ///   - connectionLimit: how many connections each socket serves at a time, those of callers that may do
    ///     nothing there not counted: of these a few are served, to be refused.
    ///   - describesItself: whether the sockets have gRPC's server reflection, for those that may use anything there.
    ///   - servesUnreleased: whether versions are served that are not released and may change.
    ///   - onListening: called once all sockets are served.
    public init(
        host: any StorageHost, access: AccessControl, pipeDirectory: String = "/run/csi-proxy",
        owner: SocketOwner = SocketOwner(), logger: Logger, metrics: any MetricsFactory = MetricsSystem.factory,
        connectionLimit: Int = 256, describesItself: Bool = false,
        servesUnreleased: Bool = false, onListening: @escaping @Sendable () -> Void = {}
    ) {
        self.host = host
        self.access = access
        self.pipeDirectory = pipeDirectory
        self.owner = owner
        self.logger = logger
        self.metrics = CallMetrics(metrics)
        self.connectionLimit = connectionLimit
        self.describesItself = describesItself
        self.servesUnreleased = servesUnreleased
        self.onListening = onListening
    }

    /// Opens all sockets or none, serves until graceful shutdown, lets calls under way end (5 s), and
    /// removes the sockets' files.
    public func run() async throws {
        let versions = APIGroup.allCases.flatMap { group in
            (servesUnreleased ? group.versions : group.releasedVersions).map { (group, $0) }
        }
        let sockets = try ListeningSocket.open(versions.map { $0.socketName($1) }, in: pipeDirectory, owner: owner)
        defer { for socket in sockets { socket.removeFile() } }
        if let reason = ListeningSocket.reasonAgainst(pipeDirectory, for: owner) {
            logger.warning(
                "the directory of the sockets is not as it should be: \(reason)",
                metadata: ["directory": "\(pipeDirectory)"])
        }
        logger.info("listening", metadata: ["directory": "\(pipeDirectory)", "sockets": "\(sockets.count)"])

        // One loop is enough for calls that only wait for the host, and spares every call its thread hops.
        let server = Server(on: MultiThreadedEventLoopGroup.singleton.any()) { try PeerCredentials(of: $0).peer }
        do {
            for (version, socket) in zip(versions, sockets) {
                let service = VersionedService(group: version.0, version: version.1, host: host, access: access)
                let served = ServedEndpoint(service, metrics: metrics, logger: logger)
                try await server.serve(
                    served.endpoint(
                        of: server, connectionLimit: connectionLimit, describesItself: describesItself),
                    on: socket.descriptor)
            }
        } catch {
            await server.shutDown(within: .zero)
            throw error
        }
        onListening()
        try? await gracefulShutdown()
        await server.shutDown(within: Self.grace)
        logger.info("no longer listening")
    }
}
