// SPDX-License-Identifier: Apache-2.0

/// Names of metrics and labels, `[a-zA-Z_][a-zA-Z0-9_]*`. (Metrics may have colons, which are for rules.)
///
/// Source: Prometheus, "Metric names and labels".
enum MetricName {
    /// With `_` for what no name may have. Some libraries put dots and dashes into theirs.
    static func sanitized(_ text: String) -> String {
        let name = String(decoding: text.utf8.map { isAllowed($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        guard let first = name.utf8.first, !isDigit(first) else { return "_\(name)" }
        return name
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        default: isDigit(byte)
        }
    }
}
