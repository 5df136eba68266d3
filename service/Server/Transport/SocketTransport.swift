// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCNIOTransportCore
import HostStorage
import NIOCore
import NIOPosix

typealias SocketTransport = HTTP2ServerTransport.Custom<SocketListenerFactory>

/// Serves gRPC on a socket that is open already.
struct SocketListenerFactory: HTTP2ServerTransport.ListenerFactory {
    let eventLoopGroup: any EventLoopGroup
    let socket: Int32
    /// Which connections a peer's counts among.
    let limit: @Sendable (PeerCredentials) -> ConnectionLimit
    /// Called once the socket is served.
    let onListening: @Sendable () -> Void

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        let channel = try await ServerBootstrap(group: eventLoopGroup)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
            .bind(NIOBSDSocket.Handle(socket)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try accept(channel)
                }.flatMap {
                    connectionConfigurator.configure(channel: channel, tls: .none)
                }
            }
        onListening()
        return channel
    }

    private func accept(_ channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let peer = try pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            try PeerCredentials(of: $0)
        }
        // Throwing here does not close the channel (NIO's asynchronous bind), so close it as well.
        guard let peer else {
            channel.close(promise: nil)
            throw ConnectionRefused()
        }
        let limit = limit(peer)
        guard limit.enter() else {
            channel.close(promise: nil)
            throw ConnectionRefused()
        }
        channel.closeFuture.whenComplete { _ in limit.leave() }
        try pipeline.addHandler(ConnectionHandler(peer))
    }
}

struct ConnectionRefused: Error {}

extension HTTP2ServerTransport.Custom where ListenerFactory == SocketListenerFactory {
    /// - Parameter tokens: where the calls of this transport find their streams.
    convenience init(_ factory: SocketListenerFactory, tokens: StreamLifetimes, methods: ServedMethods) {
        var config = Config.defaults
        // Beyond the size that is answered with a status (see ``RequestReader``), a request ends as a cancelled stream.
        config.rpc.maxRequestPayloadSize = RequestReader.limit * 4
        config.http2.maxConcurrentStreams = 100
        config.connection.maxGraceTime = .seconds(5)
        // Answers are small and the client waits for them.
        config.connection.flushCoalescing = nil
        config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { stream in
            stream.eventLoop.makeCompletedFuture {
                guard let connection = stream.parent,
                    let peer = try? connection.pipeline.syncOperations.handler(type: ConnectionHandler.self).peer
                else { return }
                try stream.pipeline.syncOperations.addHandler(
                    StreamHeadHandler(peer, tokens, methods), position: .first)
            }
        }
        self.init(listenerFactory: factory, config: config)
    }
}
