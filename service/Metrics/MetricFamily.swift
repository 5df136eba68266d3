// SPDX-License-Identifier: Apache-2.0

/// All series of one name.
struct MetricFamily {
    let kind: MetricKind
    /// By their labels, as ``LabelText`` has them.
    var series: [String: any Series] = [:]
}

public enum MetricKind: String, Sendable {
    /// Only ever grows.
    case counter
    case gauge
    /// How many measurements were no greater than each of some bounds.
    case histogram
}

/// The counter or measurements for one set of labels.
protocol Series: AnyObject, Sendable {
    static var kind: MetricKind { get }
    /// As of now.
    var samples: [Sample] { get }
}

/// One line of the text.
struct Sample: Equatable {
    /// Comes after the name.
    var suffix = ""
    /// The upper bound of a bucket.
    var bound: Double?
    var value: Double
}
