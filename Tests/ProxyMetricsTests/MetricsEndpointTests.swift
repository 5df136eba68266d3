// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Logging
import Testing

@testable import ProxyMetrics

@Suite struct MetricsEndpointTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    @Test func aPortThatIsTakenIsReported() async throws {
        let first = try await MetricsEndpoint(
            at: try #require(MetricsAddress("127.0.0.1:0")), showing: MetricsRegistry(), logger: logger)
        let port = try #require(first.address.split(separator: ":").last)
        let taken = try #require(MetricsAddress("127.0.0.1:\(port)"))
        await expectError(.failedPrecondition, "serve metrics", "127.0.0.1:\(port)", "in use") {
            try await MetricsEndpoint(at: taken, showing: MetricsRegistry(), logger: logger)
        }
        await first.close()
    }

    @Test func aHostThatDoesNotExistIsReported() async throws {
        let nowhere = try #require(MetricsAddress("192.0.2.1:0"))
        await expectError(.failedPrecondition, "192.0.2.1:0") {
            try await MetricsEndpoint(at: nowhere, showing: MetricsRegistry(), logger: logger)
        }
    }
}
