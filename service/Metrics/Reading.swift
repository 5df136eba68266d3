// SPDX-License-Identifier: Apache-2.0

/// The value of a metric that is not counted, but looked up.
public struct Reading: Sendable {
    let name: String
    let kind: MetricKind
    let value: Double

    public init(_ name: String, _ kind: MetricKind, _ value: Double) {
        self.name = MetricName.sanitized(name)
        self.kind = kind
        self.value = value
    }
}
