// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import RPC

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

    func method(_ method: String, of service: String) -> MethodMetrics {
        MethodMetrics(method: method, service: service, factory)
    }

    /// A call of a method that the service does not have.
    func countUnknownMethod(of service: String) {
        let metrics = method("unknown", of: service)
        metrics.countStart()
        metrics.count(.unimplemented)
    }
}
