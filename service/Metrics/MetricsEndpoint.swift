// SPDX-License-Identifier: Apache-2.0

public import HostStorage
public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// Serves a registry's metrics to all clients: `GET /metrics` over HTTP/1.1.
///
/// Clients are not authenticated, so the limits are narrow: one request of 8 KiB at most on a connection, 10 s from its
/// beginning to its end, and 16 connections for all.
public struct MetricsEndpoint: Service {
    /// Where it listens, with the port that it has.
    public let address: String
    private let channel: any Channel

    private static let connectionLimit = 16

    /// Listens already, so that a port that is taken is known before anything else is served.
    public init(at address: MetricsAddress, showing registry: MetricsRegistry, logger: Logger)
        async throws(StorageError)
    {
        let open = OpenConnections(limit: Self.connectionLimit)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard open.enter() else { throw TooManyConnections() }
                    channel.closeFuture.whenComplete { _ in open.leave() }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(ConnectionBounds())
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
                    try pipeline.addHandler(MetricsRequestHandler(registry))
                }
            }
        do {
            channel = try await bootstrap.bind(host: address.host, port: address.port).get()
        } catch {
            throw StorageError(
                .failedPrecondition, "nothing can listen there: \(error)", operation: "serve metrics",
                subject: "\(address)")
        }
        let port = channel.localAddress?.port ?? address.port
        self.address = "\(address.withPort(port))"
        logger.info("serving metrics", metadata: ["address": "\(self.address)"])
    }

    /// Until graceful shutdown, or until another service has failed.
    public func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await channel.closeFuture.get()
        } onCancelOrGracefulShutdown: { [channel] in
            channel.close(promise: nil)
        }
    }

    /// Stops listening, where ``run()`` is never called.
    public func close() async { try? await channel.close() }
}

/// Closes the connection that it is thrown on.
private struct TooManyConnections: Error {}

private final class OpenConnections: Sendable {
    private let limit: Int
    private let count = Atomic(0)

    init(limit: Int) { self.limit = limit }

    /// Counts one in; false where there is no room for it.
    func enter() -> Bool {
        if count.add(1, ordering: .relaxed).newValue <= limit { return true }
        leave()
        return false
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}
