// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import HostStorage
import SwiftProtobuf

/// One row of a service: a method's name, its messages, and what it asks of the host.
struct Method<Request: Message, Response: Message>: MethodRow {
    let name: String
    let answer: @Sendable (Request, any StorageHost) async throws(StorageError) -> Response

    init(
        _ name: String,
        _ answer: @escaping @Sendable (Request, any StorageHost) async throws(StorageError) -> Response
    ) {
        self.name = name
        self.answer = answer
    }

    func register<Transport>(with router: inout RPCRouter<Transport>, service: String, host: any StorageHost) {
        router.registerHandler(
            forMethod: MethodDescriptor(fullyQualifiedService: service, method: name, type: .unary),
            deserializer: LimitedDeserializer(ProtobufDeserializer<Request>()),
            serializer: ProtobufSerializer<Response>()
        ) { request, _ in
            let message = try await ServerRequest(stream: request).message
            do throws(StorageError) {
                return StreamingServerResponse(single: ServerResponse(message: try await answer(message, host)))
            } catch {
                throw error.rpcError
            }
        }
    }
}

protocol MethodRow: Sendable {
    var name: String { get }
    func register<Transport>(with router: inout RPCRouter<Transport>, service: String, host: any StorageHost)
}

/// A service of one version: its rows under its name.
struct VersionedService: RegistrableRPCService {
    let name: String
    let methods: [any MethodRow]
    let host: any StorageHost

    func registerMethods<Transport>(with router: inout RPCRouter<Transport>) where Transport: ServerTransport {
        for method in methods { method.register(with: &router, service: name, host: host) }
    }
}
