// SPDX-License-Identifier: Apache-2.0

import ProxyMetrics
import Testing

@Suite struct MetricsAddressTests {
    @Test(arguments: [
        ("127.0.0.1:9180", "127.0.0.1", 9180), ("localhost:0", "localhost", 0), ("[::1]:65535", "::1", 65535),
        (":8888", "0.0.0.0", 8888), ("node.example:1", "node.example", 1),
    ])
    func aHostAndAPort(_ text: String, _ host: String, _ port: Int) throws {
        let address = try #require(MetricsAddress(text))
        #expect(address.host == host && address.port == port)
        #expect(MetricsAddress("\(address)") == address)
    }

    @Test(arguments: [
        "", ":", "9180", "localhost", "localhost:", "localhost:x", "localhost:-1", "localhost:+1", "localhost:65536",
        "localhost:99999999999999999999", "::1:9180", "[::1]", "[localhost]:1", "[::1:1", "a b:1", "http://x:1",
    ])
    func whatIsNone(_ text: String) { #expect(MetricsAddress(text) == nil) }
}
