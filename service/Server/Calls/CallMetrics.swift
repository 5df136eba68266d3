// SPDX-License-Identifier: Apache-2.0

import CoreMetrics

/// Counts and times every call, as grpc-go's servers do.
///
/// The labels are the service, the method and the outcome, so they are bounded: an unknown method is counted as
/// `unknown`, and no text of a caller becomes a label.
package struct CallMetrics: Sendable {
    private let factory: any MetricsFactory

    init(_ factory: any MetricsFactory) { self.factory = factory }

    /// Descriptions of the metrics, by their names.
    package static let descriptions = [
        "grpc_server_started_total": "Calls that have begun.",
        "grpc_server_handled_total": "Calls that have ended, by their status.",
        "grpc_server_msg_received_total": "Requests that could be read.",
        "grpc_server_msg_sent_total": "Responses, which calls that fail have none of.",
        "grpc_server_handling_seconds": "How long calls of every status have taken.",
    ]

    func countStart(of call: CallContext) { count("started", Self.labels(call.service, call.method)) }
    func countRequest(of call: CallContext) { count("msg_received", Self.labels(call.service, call.method)) }
    func countResponse(of call: CallContext) { count("msg_sent", Self.labels(call.service, call.method)) }

    func countEnd(of call: CallContext, after duration: Duration, _ status: CallStatus) {
        let labels = Self.labels(call.service, call.method)
        count("handled", labels + [("grpc_code", status.nameInMetrics)])
        Timer(label: "grpc_server_handling_seconds", dimensions: labels, factory: factory)
            .recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }

    /// A call of a method that the service does not have.
    func countUnknownMethod(of service: String) {
        let labels = Self.labels(service, "unknown")
        count("started", labels)
        count("handled", labels + [("grpc_code", CallStatus.unimplemented.nameInMetrics)])
    }

    private static func labels(_ service: String, _ method: String) -> [(String, String)] {
        [("grpc_method", method), ("grpc_service", service), ("grpc_type", "unary")]
    }

    private func count(_ what: String, _ labels: [(String, String)]) {
        Counter(label: "grpc_server_\(what)_total", dimensions: labels, factory: factory).increment()
    }
}
