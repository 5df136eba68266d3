// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Where metrics are served: `127.0.0.1:9180`, `[::1]:9180`, `localhost:9180`, or `:9180` for all of the machine's
/// addresses. Port 0 is one that the system chooses.
public struct MetricsAddress: Sendable, Hashable, CustomStringConvertible {
    public let host: String
    public let port: Int

    /// nil where the text is no host and port.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(\.isDigit),
            let port = Int(digits), port <= 0xFFFF
        else { return nil }
        var host = text[..<colon]
        if host.first == "[" {
            guard host.last == "]", host.dropFirst().dropLast().contains(":") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            // An address of IPv6 without brackets: the start of its port is ambiguous.
            return nil
        }
        guard !host.contains(where: { $0.isWhitespace || "[]/".contains($0) }) else { return nil }
        self.host = host.isEmpty ? "0.0.0.0" : String(host)
        self.port = port
    }

    private init(host: String, port: Int) { (self.host, self.port) = (host, port) }

    func withPort(_ port: Int) -> MetricsAddress { MetricsAddress(host: host, port: port) }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
