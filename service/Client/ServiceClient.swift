// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import HostStorage
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
        let client = try await connection.client()
        do {
            return try await call(method, request, on: client)
        } catch  where error == Self.connectionEnded {
            // Nothing was sent on it, so a second call repeats nothing.
            await connection.discard(client)
            return try await call(method, request, on: try await connection.client())
        } catch  where error.code == .unavailable {
            await connection.discard(client)
            throw error
        }
    }

    private static let connectionEnded = StorageError(.unavailable, "the connection has ended")

    private func call(
        _ method: String, _ request: [UInt8], on client: SocketConnection.Client
    ) async throws(StorageError) -> [UInt8] {
        var options = CallOptions.defaults
        options.timeout = deadline
        do {
            return try await client.unary(
                request: ClientRequest(message: request),
                descriptor: MethodDescriptor(
                    fullyQualifiedService: group.serviceName(version), method: method, type: .unary),
                serializer: MessageBytes(), deserializer: MessageBytes(), options: options
            ) { try $0.message }
        } catch let error as RPCError {
            throw StorageError(error)
        } catch let error as RuntimeError where error.code == .clientIsStopped {
            throw Self.connectionEnded
        } catch is CancellationError {
            throw StorageError(.cancelled, "the caller gave up", operation: method)
        } catch {
            throw StorageError(.internalError, "\(error)", operation: method)
        }
    }
}

/// Messages as they are on the wire.
private struct MessageBytes: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}

extension StorageError {
    /// The host's error, from the details; without any, the status's.
    fileprivate init(_ error: RPCError) {
        let details = error.metadata[binaryValues: ErrorDetails.trailerName].first { _ in true }
        let exact = error.metadata[stringValues: "host-storage-code"].first { _ in true }.flatMap(Code.init)
        self = details.flatMap(ErrorDetails.error) ?? StorageError(exact ?? Code(error.code), error.message)
    }
}

extension StorageError.Code {
    fileprivate init(_ status: RPCError.Code) {
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
