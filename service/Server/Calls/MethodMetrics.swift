// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import RPC
import Synchronization

/// The metrics of one method. Each is made when something is counted in it for the first time, so that none is shown of
/// methods without calls, and once, so that a call looks up none.
final class MethodMetrics: Sendable {
    private let factory: any MetricsFactory
    private let labels: [(String, String)]
    private let made = Mutex(Made())

    private struct Made {
        var started: Counter?
        var received: Counter?
        var sent: Counter?
        var handled: [StatusCode: Counter] = [:]
        var time: Timer?
    }

    init(method: String, service: String, _ factory: any MetricsFactory) {
        self.factory = factory
        labels = [("grpc_method", method), ("grpc_service", service), ("grpc_type", "unary")]
    }

    func countStart() { count(\.started, "started") }
    func countRequest() { count(\.received, "msg_received") }
    func countResponse() { count(\.sent, "msg_sent") }

    func countEnd(after duration: Duration, _ status: StatusCode) {
        count(status)
        let timer = made.withLock { made in
            let timer =
                made.time ?? Timer(label: "grpc_server_handling_seconds", dimensions: labels, factory: factory)
            made.time = timer
            return timer
        }
        timer.recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }

    func count(_ status: StatusCode) {
        let counter = made.withLock { made in
            let counter = made.handled[status] ?? makeCounter("handled", [("grpc_code", status.nameInMetrics)])
            made.handled[status] = counter
            return counter
        }
        counter.increment()
    }

    private func count(_ path: any WritableKeyPath<Made, Counter?> & Sendable, _ what: String) {
        let counter = made.withLock { made in
            let counter = made[keyPath: path] ?? makeCounter(what)
            made[keyPath: path] = counter
            return counter
        }
        counter.increment()
    }

    private func makeCounter(_ what: String, _ more: [(String, String)] = []) -> Counter {
        Counter(label: "grpc_server_\(what)_total", dimensions: labels + more, factory: factory)
    }
}
