// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import NIOCore
import RPC
import Synchronization

/// The metrics of one method. Each is made when something is counted in it for the first time, so that none is shown of
/// methods without calls, and once, so that a call looks up none.
final class MethodMetrics: Sendable {
    private let factory: any MetricsFactory
    private let labels: [(String, String)]
    private let made = Mutex(Made())

    private struct Made {
        var counters: [Counter?] = Array(repeating: nil, count: Event.allCases.count)
        var handled: [StatusCode: Counter] = [:]
        var time: Timer?
    }

    private enum Event: Int, CaseIterable {
        case start, request, response

        var name: String {
            switch self {
            case .start: "started"
            case .request: "msg_received"
            case .response: "msg_sent"
            }
        }
    }

    init(method: String, service: String, _ factory: any MetricsFactory) {
        self.factory = factory
        labels = [("grpc_method", method), ("grpc_service", service), ("grpc_type", "unary")]
    }

    func countStart() { count(.start) }
    func countRequest() { count(.request) }
    func countResponse() { count(.response) }

    func countEnd(after duration: TimeAmount, _ status: StatusCode) {
        count(status)
        let timer = made.withLock { made in
            if let timer = made.time { return timer }
            let timer = Timer(label: "grpc_server_handling_seconds", dimensions: labels, factory: factory)
            made.time = timer
            return timer
        }
        timer.recordNanoseconds(duration.nanoseconds)
    }

    func count(_ status: StatusCode) {
        let counter = made.withLock { made in
            if let counter = made.handled[status] { return counter }
            let counter = makeCounter("handled", [("grpc_code", status.nameInMetrics)])
            made.handled[status] = counter
            return counter
        }
        counter.increment()
    }

    private func count(_ event: Event) {
        let counter = made.withLock { made in
            if let counter = made.counters[event.rawValue] { return counter }
            let counter = makeCounter(event.name)
            made.counters[event.rawValue] = counter
            return counter
        }
        counter.increment()
    }

    private func makeCounter(_ what: String, _ more: [(String, String)] = []) -> Counter {
        Counter(label: "grpc_server_\(what)_total", dimensions: labels + more, factory: factory)
    }
}
