// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
import Synchronization

/// Keeps the metrics that a program reports by swift-metrics, for ``text`` to show.
///
/// A series, once there, stays: a monitoring system takes a missing one for a restart of the program.
public final class MetricsRegistry: MetricsFactory {
    private struct State {
        var families: [String: MetricFamily] = [:]
        var seriesCount = 0
        var readers: [@Sendable () -> [Reading]] = []
    }

    private let state = Mutex(State())
    private let descriptions: [String: String]
    private let timerBounds: [Double]
    private let seriesLimit: Int

    /// Upper bounds in seconds: from calls answered from memory to calls that wait for disks and servers. The same as
    /// csi-proxy's.
    public static let customaryBounds: [Double] = [0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120]

    /// - Parameters:
    ///   - descriptions: one sentence for each metric, by its name.
    ///   - timerBounds: the upper bounds of the buckets that timers count in, in seconds, ascending.
    ///   - seriesLimit: how many series are shown at most; later ones are discarded. A mistake with labels must not
    ///     fill the memory.
    public init(
        descriptions: [String: String] = [:], timerBounds: [Double] = MetricsRegistry.customaryBounds,
        seriesLimit: Int = 10_000
    ) {
        self.descriptions = descriptions
        self.timerBounds = timerBounds
        self.seriesLimit = seriesLimit
    }

    /// Adds metrics that are read when ``text`` is read, on a thread that must not block.
    public func addReadings(_ read: @escaping @Sendable () -> [Reading]) {
        state.withLock { $0.readers.append(read) }
    }

    /// All metrics in Prometheus's text format 0.0.4, sorted by name.
    public var text: String {
        let (families, readers) = state.withLock { ($0.families, $0.readers) }
        var blocks: [String: String] = [:]
        for (name, family) in families {
            var block = Exposition(name, family.kind, descriptions[name])
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                for sample in series.samples { block.add(sample, labels) }
            }
            blocks[name] = block.text
        }
        for reading in readers.flatMap({ $0() }) {
            var block = Exposition(reading.name, reading.kind, descriptions[reading.name])
            block.add(Sample(value: reading.value), "")
            blocks[reading.name] = block.text
        }
        return blocks.sorted { $0.key < $1.key }.map(\.value).joined()
    }

    // MARK: - For swift-metrics

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions) { CounterSeries() }
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions) { GaugeSeries() }
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions) { [timerBounds] in Histogram(bounds: timerBounds) }
    }

    /// Recorders that aggregate are shown with count and sum.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate {
            series(label, dimensions) { Histogram(bounds: []) }
        } else {
            series(label, dimensions) { GaugeSeries() }
        }
    }

    public func destroyCounter(_: any CounterHandler) {}
    public func destroyMeter(_: any MeterHandler) {}
    public func destroyTimer(_: any TimerHandler) {}
    public func destroyRecorder(_: any RecorderHandler) {}

    /// The series of these labels, made where there is none.
    private func series<Kind: Series>(_ label: String, _ dimensions: [(String, String)], make: () -> Kind) -> Kind {
        let name = MetricName.sanitized(label)
        let labels = LabelText.sorted(dimensions)
        return state.withLock { state in
            let family = state.families[name] ?? MetricFamily(kind: Kind.kind)
            if let found = family.series[labels] as? Kind { return found }
            let new = make()
            // One name is of one kind: a second kind would break the text for both.
            guard family.kind == Kind.kind, family.series[labels] == nil, state.seriesCount < seriesLimit else {
                return new
            }
            state.families[name, default: family].series[labels] = new
            state.seriesCount += 1
            return new
        }
    }
}
