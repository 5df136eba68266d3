// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// Connections that say nothing.
struct RawConnections {
    private var channels: [any Channel] = []

    static func open(_ count: Int, to path: String) async throws -> RawConnections {
        var connections = RawConnections()
        for _ in 0..<count {
            connections.channels.append(
                try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .connect(unixDomainSocketPath: path).get())
        }
        return connections
    }

    /// Returns once the other side has closed so many of them.
    func waitUntilClosed(_ count: Int) async throws {
        while channels.count(where: { !$0.isActive }) < count { try await Task.sleep(for: .milliseconds(5)) }
    }

    func close() async {
        for channel in channels { try? await channel.close() }
    }
}
