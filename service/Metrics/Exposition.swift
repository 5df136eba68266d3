// SPDX-License-Identifier: Apache-2.0

/// One metric in Prometheus's text format 0.0.4: its description, its kind, and a line for each sample.
///
/// Source: Prometheus, "Exposition formats".
struct Exposition {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private let name: String
    private(set) var text = ""

    init(_ name: String, _ kind: MetricKind, _ description: String?) {
        self.name = name
        if let description {
            let line = description.replacing("\\", with: #"\\"#).replacing("\n", with: #"\n"#)
            text += "# HELP \(name) \(line)\n"
        }
        text += "# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func add(_ sample: Sample, _ labels: String) {
        var labels = labels
        if let bound = sample.bound { labels += "\(labels.isEmpty ? "" : ",")le=\"\(Self.number(bound))\"" }
        text += "\(name)\(sample.suffix)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(sample.value))\n"
    }

    /// Whole numbers without a point, as other programs show them.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }
}
