// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCNIOTransportCore
import HostStorage
import NIOCore
import NIOPosix

/// One connection to one socket. Made anew where it has ended: gRPC's own transport for a channel does not reconnect,
/// and its stock one hangs on a listener that never answers.
actor SocketConnection {
    typealias Client = GRPCClient<HTTP2ClientTransport.WrappedChannel>

    private let path: String
    private let connectTimeout: Duration
    private var current: (client: Client, run: Task<Void, Never>)?
    private var connecting: Task<Client, any Error>?

    init(path: String, connectTimeout: Duration) {
        self.path = path
        self.connectTimeout = connectTimeout
    }

    deinit {
        current?.client.beginGracefulShutdown()
    }

    /// The connection's client, connected.
    func client() async throws(StorageError) -> Client {
        if let current { return current.client }
        let attempt = connecting ?? Task { try await connect() }
        connecting = attempt
        do {
            return try await attempt.value
        } catch {
            throw StorageError(.unavailable, "no server answers: \(error)", subject: path)
        }
    }

    /// Forgets a client whose connection has ended.
    func discard(_ client: Client) {
        guard current?.client === client else { return }
        client.beginGracefulShutdown()
        current = nil
    }

    private func connect() async throws -> Client {
        defer { connecting = nil }
        let (path, timeout) = (path, TimeAmount(connectTimeout))
        let transport = try await HTTP2ClientTransport.WrappedChannel.wrapping(
            config: .defaults { $0.http2.authority = "localhost" }
        ) { configure in
            try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connectTimeout(timeout)
                .connect(unixDomainSocketPath: path) { channel in configure(channel) }
        }
        let client = Client(transport: transport)
        let run = Task<Void, Never> {
            // Ends when the connection does; calls then fail as unavailable and say so.
            _ = try? await client.runConnections()
        }
        current = (client, run)
        return client
    }
}
