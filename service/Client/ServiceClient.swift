// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import HostStorage
import StorageVersions
import SwiftProtobuf

/// Calls the methods of one group in the version that was picked for it.
struct ServiceClient: Sendable {
    let group: APIGroup
    let version: APIVersion
    let connection: SocketConnection
    let deadline: Duration?

    func call<Request: Message, Response: Message>(
        _ method: String, _ request: Request, returning: Response.Type = Response.self
    ) async throws(StorageError) -> Response {
        let client = try await connection.client()
        do {
            return try await call(method, request, on: client)
        } catch  where error == Self.connectionEnded {
            // Nothing was sent on it, so asking again is no asking twice.
            await connection.discard(client)
            return try await call(method, request, on: try await connection.client())
        } catch  where error.code == .unavailable {
            await connection.discard(client)
            throw error
        }
    }

    private static let connectionEnded = StorageError(.unavailable, "the connection has ended")

    private func call<Request: Message, Response: Message>(
        _ method: String, _ request: Request, on client: SocketConnection.Client
    ) async throws(StorageError) -> Response {
        var options = CallOptions.defaults
        options.timeout = deadline
        do {
            return try await client.unary(
                request: ClientRequest(message: request),
                descriptor: MethodDescriptor(
                    fullyQualifiedService: group.serviceName(version), method: method, type: .unary),
                serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Response>(),
                options: options
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

    /// What is thrown for a method that the picked version does not have.
    func lacks(_ what: String) -> StorageError {
        StorageError(.unsupported, "version \(version) of the \(group.rawValue) group cannot \(what)")
    }
}

extension StorageError {
    /// The server's error: its exact code from the trailer, or what the status stands for.
    fileprivate init(_ error: RPCError) {
        let exact = error.metadata[stringValues: "host-storage-code"].first { _ in true }.flatMap(Code.init)
        self.init(exact ?? Code(error.code), error.message)
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
