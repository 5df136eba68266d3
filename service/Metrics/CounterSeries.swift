// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization

/// Counts.
final class CounterSeries: Series, CounterHandler {
    static let kind = MetricKind.counter
    private let count = Atomic<Int64>(0)

    /// Beyond 2⁶³ it begins anew, as Prometheus expects of counters.
    func increment(by amount: Int64) { count.wrappingAdd(amount, ordering: .relaxed) }
    func reset() { count.store(0, ordering: .relaxed) }

    var samples: [Sample] { [Sample(value: Double(count.load(ordering: .relaxed)))] }
}
