// SPDX-License-Identifier: Apache-2.0

import HostStorage
import RPC
import StorageVersions
import StorageWire

/// Performs the operations of one group in the version that was picked for it.
struct ServiceClient: Sendable {
    let group: APIGroup
    let version: APIVersion
    let connection: SocketConnection
    let deadline: Duration?

    func perform<Operation: HostOperation>(_ operation: Operation) async throws(StorageError) -> Operation.Answer {
        let rows = group.rows(version)
        guard let row = rows.first(where: { $0.isOf(Operation.self) }), let side = row.clientSide(of: Operation.self)
        else {
            throw StorageError(
                .unsupported, "version \(version) of the \(group.rawValue) group has no method for it",
                operation: operation.phrase)
        }
        do {
            return try side.answer(try await call(row.method, try side.request(operation)))
        } catch {
            let error = error as? StorageError ?? StorageError(.internalError, "\(error)")
            throw error.during(operation.phrase, "\(operation)")
        }
    }

    private func call(_ method: String, _ request: [UInt8]) async throws(StorageError) -> [UInt8] {
        do {
            let path = "/\(group.serviceName(version))/\(method)"
            return try await connection.client.unary(path, request, timeout: deadline)
        } catch {
            throw StorageError(error)
        }
    }
}

extension StorageError {
    /// The host's error, from the details; without any, the status's.
    fileprivate init(_ status: Status) {
        let details = status[trailer: ErrorDetails.trailerName]
        let exact = status[trailer: "host-storage-code"].flatMap { Code(rawValue: String(decoding: $0, as: UTF8.self)) }
        self = details.flatMap(ErrorDetails.error) ?? StorageError(exact ?? Code(status.code), status.message)
    }
}

extension StorageError.Code {
    fileprivate init(_ status: StatusCode) {
        self =
            switch status {
            case .invalidArgument: .invalidArgument
            case .notFound: .notFound
            case .alreadyExists: .alreadyExists
            case .permissionDenied, .unauthenticated: .denied
            case .failedPrecondition: .failedPrecondition
            case .aborted: .aborted
            case .outOfRange: .outOfRange
            case .resourceExhausted: .exhausted
            case .unimplemented: .unsupported
            case .unavailable: .unavailable
            case .deadlineExceeded: .deadlineExceeded
            case .cancelled: .cancelled
            case .dataLoss: .inputOutput
            default: .internalError
            }
    }
}
