// SPDX-License-Identifier: Apache-2.0

import Expectations
import NIOCore
import NIOPosix
import Testing

/// Connections that send nothing.
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
        try await eventually("\(count) connections have been closed") {
            channels.count { !$0.isActive } >= count
        }
    }

    func close() async {
        for channel in channels { try? await channel.close() }
    }
}
