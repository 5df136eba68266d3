// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization

/// Counts measurements by size, durations in seconds.
final class Histogram: Series, TimerHandler, RecorderHandler {
    static let kind = MetricKind.histogram

    private struct Counts {
        /// Of each bucket alone; the last is for measurements beyond all bounds.
        var buckets: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    /// - Parameter bounds: ascending; a measurement that equals a bound is in its bucket.
    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: [UInt64](repeating: 0, count: bounds.count + 1)))
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        let bucket = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.withLock { counts in
            counts.buckets[bucket] += 1
            counts.sum += value
        }
    }

    /// Buckets are shown with the counts of all lesser ones, so that a reader can leave some of them out.
    var samples: [Sample] {
        let counts = counts.withLock { $0 }
        var total: UInt64 = 0
        var samples = zip(bounds + [.infinity], counts.buckets).map { bound, count in
            total += count
            return Sample(suffix: "_bucket", bound: bound, value: Double(total))
        }
        samples.append(Sample(suffix: "_sum", value: counts.sum))
        samples.append(Sample(suffix: "_count", value: Double(total)))
        return samples
    }
}
