// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import HostStorage
import Logging

/// Ends a call when its deadline passes or its stream closes, says who calls, and logs it.
///
/// What the host is doing goes on: the call only stops waiting for it (see ``OperationRegistry``).
struct CallGuard: ServerInterceptor {
    let tokens: StreamLifetimes
    let logger: Logger

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let number = request.metadata[stringValues: StreamLifetimes.headerName].first { _ in true }
        guard let number = number.flatMap({ UInt64($0) }), let token = tokens.take(number) else {
            throw RPCError(code: .cancelled, message: "the stream closed before its call began")
        }
        let began = ContinuousClock.now
        do {
            let response = try await PeerCredentials.$current.withValue(token.peer) {
                try await CallTrace.$current.withValue(CallTrace(caller: "\(token.peer)")) {
                    try await answer(request, context, token, next)
                }
            }
            log(context, token, began, response.status)
            return response
        } catch {
            log(context, token, began, (error as? RPCError).map { "\($0.code)" } ?? "\(error)")
            throw error
        }
    }

    private func answer<Input: Sendable, Output: Sendable>(
        _ request: StreamingServerRequest<Input>, _ context: ServerContext, _ token: StreamLifetime,
        _ next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        var timeout: Duration?
        switch token.timeout {
        case .none: break
        case .after(let duration): timeout = duration
        case .unreadable:
            throw RPCError(
                code: .invalidArgument,
                message: """
                    the \(CallTimeout.headerName) header is to be there once, with one to eight digits and a unit of \
                    H, M, S, m, u or n
                    """)
        }
        return try await withoutActuallyEscaping(next) { next in
            try await withThrowingTaskGroup(of: StreamingServerResponse<Output>?.self) { group in
                group.addTask { try await next(request, context) }
                group.addTask {
                    await token.closed()
                    return nil
                }
                if let timeout {
                    group.addTask {
                        try await Task.sleep(for: timeout)
                        throw RPCError(code: .deadlineExceeded, message: "the deadline of \(timeout) has passed")
                    }
                }
                defer { group.cancelAll() }
                guard let response = try await group.next() ?? nil else {
                    throw RPCError(code: .cancelled, message: "the client has cancelled the call")
                }
                return response
            }
        }
    }

    private func log(
        _ context: ServerContext, _ token: StreamLifetime, _ began: ContinuousClock.Instant, _ status: String
    ) {
        // A caller that has left has seen nothing but silence, and its call may still be at something.
        let isLeft = status == "\(RPCError.Code.cancelled)" || status == "\(RPCError.Code.deadlineExceeded)"
        logger.log(
            level: isLeft ? .notice : .debug,
            "\(context.descriptor.fullyQualifiedMethod): \(status)",
            metadata: ["peer": "\(token.peer)", "duration": "\(began.duration(to: .now))"])
    }
}

extension StreamingServerResponse {
    fileprivate var status: String {
        switch accepted {
        case .success: "ok"
        case .failure(let error): "\(error.code)"
        }
    }
}
