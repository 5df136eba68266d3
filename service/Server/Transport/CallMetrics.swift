// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import GRPCCore

/// Counts and times every call, as grpc-go's servers do.
///
/// The labels are the service, the method and the outcome, so they are bounded: a method that is not there is counted
/// as `unknown`, and nothing that a caller writes becomes one.
package struct CallMetrics: ServerInterceptor {
    private let factory: any MetricsFactory

    init(_ factory: any MetricsFactory) { self.factory = factory }

    /// What the metrics mean, by their names.
    package static let descriptions = [
        "grpc_server_started_total": "Calls that have begun.",
        "grpc_server_handled_total": "Calls that have ended, by their status.",
        "grpc_server_msg_received_total": "Requests that could be read.",
        "grpc_server_msg_sent_total": "Responses, which calls that fail have none of.",
        "grpc_server_handling_seconds": "How long calls have taken, whatever their status.",
    ]

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let call = CallLabels(
            service: context.descriptor.service.fullyQualifiedService, method: context.descriptor.method)
        let began = ContinuousClock.now
        count("started", call)
        var request = request
        request.messages = RPCAsyncSequence(
            wrapping: request.messages.map { [self] message in
                count("msg_received", call)
                return message
            })
        do {
            let response = try await next(request, context)
            switch response.accepted {
            case .success:
                count("msg_sent", call)
                end(call, since: began, code: nil)
            case .failure(let error): end(call, since: began, code: error.code)
            }
            return response
        } catch {
            // As gRPC tells it to the caller.
            end(call, since: began, code: (error as? RPCError)?.code ?? .unknown)
            throw error
        }
    }

    /// A call of a method that the service does not have; gRPC answers it, and no interceptor sees it.
    func countUnknownMethod(of service: String) {
        let call = CallLabels(service: service, method: "unknown")
        count("started", call)
        count("handled", call, [("grpc_code", RPCError.Code.unimplemented.nameInMetrics)])
    }

    private func end(_ call: CallLabels, since began: ContinuousClock.Instant, code: RPCError.Code?) {
        count("handled", call, [("grpc_code", code?.nameInMetrics ?? "OK")])
        Timer(label: "grpc_server_handling_seconds", dimensions: call.dimensions, factory: factory)
            .recordNanoseconds(Int64(began.duration(to: .now) / .nanoseconds(1)))
    }

    private func count(_ what: String, _ call: CallLabels, _ more: [(String, String)] = []) {
        Counter(label: "grpc_server_\(what)_total", dimensions: call.dimensions + more, factory: factory).increment()
    }
}

private struct CallLabels: Sendable {
    /// With its package: "v1.Disk".
    let service: String
    let method: String

    var dimensions: [(String, String)] { [("grpc_method", method), ("grpc_service", service), ("grpc_type", "unary")] }
}

extension RPCError.Code {
    /// As Go spells it, whose names dashboards and alerts have.
    ///
    /// Source: grpc-go, codes.Code.String.
    var nameInMetrics: String {
        let names = [
            "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
            "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
            "Internal", "Unavailable", "DataLoss", "Unauthenticated",
        ]
        return names.indices.contains(rawValue) ? names[rawValue] : "Unknown"
    }
}
