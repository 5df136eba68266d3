// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Synchronization
import Testing

@testable import ProxyMetrics

@Suite struct MetricsTextTests {
    private let registry = MetricsRegistry(descriptions: ["calls_total": "Calls\nand \\ more."], timerBounds: [0.1, 1])

    @Test func nothingCountedIsNothingShown() { #expect(registry.text.isEmpty) }

    @Test func aCounterIsDescribedAndCounted() {
        let counter = Counter(label: "calls_total", dimensions: [("z", "1"), ("a", "2")], factory: registry)
        counter.increment()
        counter.increment(by: 41)
        // The same labels in another order are the same series.
        Counter(label: "calls_total", dimensions: [("a", "2"), ("z", "1")], factory: registry).increment()
        Counter(label: "calls_total", dimensions: [("a", "3"), ("z", "1")], factory: registry).increment()
        #expect(
            registry.text == #"""
                # HELP calls_total Calls\nand \\ more.
                # TYPE calls_total counter
                calls_total{a="2",z="1"} 43
                calls_total{a="3",z="1"} 1

                """#)
    }

    @Test func labelsAndNamesAreWrittenAsTheFormatHasThem() {
        let value = "a \"quoted\" \\ word\nand a line, {braces} and ü"
        Counter(label: "9.dotted-name:total", dimensions: [("by-whom", value)], factory: registry).increment()
        #expect(
            registry.text == #"""
                # TYPE _9_dotted_name_total counter
                _9_dotted_name_total{by_whom="a \"quoted\" \\ word\nand a line, {braces} and ü"} 1

                """#)
    }

    /// Each bucket holds all that is in lesser ones, the last one everything, and a bound counts into its own.
    @Test func aTimerIsAHistogramInSeconds() {
        let timer = CoreMetrics.Timer(label: "t_seconds", dimensions: [("m", "x")], factory: registry)
        for milliseconds in [1, 100, 101, 1000, 5000] { timer.recordMilliseconds(milliseconds) }
        #expect(
            registry.text == """
                # TYPE t_seconds histogram
                t_seconds_bucket{m="x",le="0.1"} 2
                t_seconds_bucket{m="x",le="1"} 4
                t_seconds_bucket{m="x",le="+Inf"} 5
                t_seconds_sum{m="x"} 6.202
                t_seconds_count{m="x"} 5

                """)
    }

    @Test func theCustomaryBoundsAreThoseOfCsiProxy() {
        let registry = MetricsRegistry()
        CoreMetrics.Timer(label: "t", dimensions: [], factory: registry).recordSeconds(7)
        let bounds = registry.text.matches(of: /le="([^"]+)"/).map { String($0.1) }
        #expect(
            bounds == [
                "0.001", "0.01", "0.1", "0.3", "0.6", "1", "3", "6", "9", "20", "30", "60", "90", "120", "+Inf",
            ])
        #expect(registry.text.contains("t_bucket{le=\"6\"} 0\n") && registry.text.contains("t_bucket{le=\"9\"} 1\n"))
    }

    @Test func whatGoesUpAndDownIsAGauge() {
        let meter = Meter(label: "level", dimensions: [], factory: registry)
        meter.set(2.5)
        meter.decrement(by: 3)
        Recorder(label: "last", dimensions: [], aggregate: false, factory: registry).record(7)
        let sizes = Recorder(label: "sizes", dimensions: [], aggregate: true, factory: registry)
        sizes.record(10)
        sizes.record(32)
        #expect(
            registry.text == """
                # TYPE last gauge
                last 7
                # TYPE level gauge
                level -0.5
                # TYPE sizes histogram
                sizes_bucket{le="+Inf"} 2
                sizes_sum 42
                sizes_count 2

                """)
    }

    @Test func whatIsReadIsAsOfNowAndLeftOutWhereThereIsNone() {
        let values = Values([.infinity, .nan, nil])
        registry.addReadings { values.next().map { [Reading("now", .gauge, $0)] } ?? [] }
        #expect(registry.text == "# TYPE now gauge\nnow +Inf\n")
        #expect(registry.text == "# TYPE now gauge\nnow NaN\n")
        #expect(registry.text.isEmpty)
    }

    /// A mistake in a program must not corrupt its other metrics, nor fill its memory.
    @Test func aSecondKindOfOneNameAndWhatIsTooMuchAreNotShown() {
        let registry = MetricsRegistry(seriesLimit: 3)
        Counter(label: "x", dimensions: [], factory: registry).increment()
        Meter(label: "x", dimensions: [("other", "kind")], factory: registry).set(5)
        for number in 0..<100 {
            Counter(label: "y", dimensions: [("n", "\(number)")], factory: registry).increment()
        }
        #expect(registry.text == "# TYPE x counter\nx 1\n# TYPE y counter\ny{n=\"0\"} 1\ny{n=\"1\"} 1\n")
    }

    @Test func countsOfManyThreadsAddUp() async {
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { [registry] in
                    for _ in 0..<1000 {
                        Counter(label: "c", dimensions: [], factory: registry).increment()
                        CoreMetrics.Timer(label: "t", dimensions: [], factory: registry).recordSeconds(1)
                    }
                }
            }
        }
        #expect(registry.text.contains("\nc 8000\n") && registry.text.contains("\nt_count 8000\n"))
    }
}

/// One after the other.
private final class Values: Sendable {
    private let left: Mutex<[Double?]>
    init(_ values: [Double?]) { left = Mutex(values) }
    func next() -> Double? { left.withLock { $0.removeFirst() } }
}
