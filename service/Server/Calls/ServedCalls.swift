// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging
import StorageWire

/// The steps of every call, above the transport: it is counted, ends when its deadline passes or its caller leaves,
/// names its caller to the host, and is logged.
///
/// The host's operation goes on: the call only stops waiting for it (see ``OperationRegistry``).
struct ServedCalls: Sendable {
    let metrics: CallMetrics
    let logger: Logger

    /// Answers a call of a row.
    ///
    /// - Parameter read: its request, from the transport.
    /// - Throws: ``StorageError``, or the error of reading the request.
    func answer(
        _ call: CallContext, of row: WireRow, by service: VersionedService,
        read: @escaping @Sendable () async throws -> WireRow.Call
    ) async throws -> [UInt8] {
        let began = ContinuousClock.now
        metrics.countStart(of: call)
        do {
            let response = try await PeerCredentials.$current.withValue(call.peer) {
                try await CallTrace.$current.withValue(CallTrace(caller: "\(call.peer)")) {
                    try await inTime(call) {
                        try await service.respond(row, by: call.peer) {
                            let request = try await read()
                            metrics.countRequest(of: call)
                            return request
                        }
                    }
                }
            }
            metrics.countResponse(of: call)
            end(call, since: began, .ok)
            return response
        } catch {
            end(call, since: began, (error as? any StatusError)?.callStatus ?? .unknown)
            throw error
        }
    }

    private func inTime(
        _ call: CallContext, _ work: @escaping @Sendable () async throws -> [UInt8]
    ) async throws -> [UInt8] {
        var timeout: Duration?
        switch call.timeout {
        case .none: break
        case .after(let duration): timeout = duration
        case .unreadable:
            throw StorageError(
                .invalidArgument,
                """
                the \(CallTimeout.headerName) header is to be there once, with one to eight digits and a unit of \
                H, M, S, m, u or n
                """)
        }
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                await call.left()
                return nil
            }
            if let timeout {
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw StorageError(.deadlineExceeded, "the deadline of \(timeout) has passed")
                }
            }
            defer { group.cancelAll() }
            guard let response = try await group.next() ?? nil else {
                throw StorageError(.cancelled, "the client has cancelled the call")
            }
            return response
        }
    }

    private func end(_ call: CallContext, since began: ContinuousClock.Instant, _ status: CallStatus) {
        let duration = began.duration(to: .now)
        metrics.countEnd(of: call, after: duration, status)
        // A caller that has left has received nothing, and its operation may still be under way.
        let isLeft = status == .cancelled || status == .deadlineExceeded
        logger.log(
            level: isLeft ? .notice : .debug, "\(call.service)/\(call.method): \(status)",
            metadata: ["peer": "\(call.peer)", "duration": "\(duration)"])
    }
}
