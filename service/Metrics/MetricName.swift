// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Names of metrics and labels, `[a-zA-Z_][a-zA-Z0-9_]*`. (Metrics may have colons, which are for rules.)
///
/// Source: Prometheus, "Metric names and labels".
enum MetricName {
    /// With `_` for what no name may have. Some libraries put dots and dashes into theirs.
    static func sanitized(_ text: String) -> String {
        let name = String(decoding: text.utf8.map { $0.isLetterOrDigit ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
        guard let first = name.utf8.first, !first.isDigit else { return "_\(name)" }
        return name
    }
}
