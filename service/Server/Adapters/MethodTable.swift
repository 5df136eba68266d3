// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCProtobuf
import HostStorage
import StorageAccess
import StorageVersions
import SwiftProtobuf

/// One row of a service: a method's name, its messages, and what it asks of the host.
struct Method<Request: Message, Response: Message>: MethodRow {
    let name: String
    /// The host that it is given refuses what the caller may not do.
    let answer: @Sendable (Request, any StorageHost) async throws(StorageError) -> Response

    init(
        _ name: String,
        _ answer: @escaping @Sendable (Request, any StorageHost) async throws(StorageError) -> Response
    ) {
        self.name = name
        self.answer = answer
    }

    private static var deserializer: LimitedDeserializer<ProtobufDeserializer<Request>> {
        LimitedDeserializer(ProtobufDeserializer())
    }

    func register<Transport>(with router: inout RPCRouter<Transport>, of service: VersionedService) {
        router.registerHandler(
            forMethod: MethodDescriptor(fullyQualifiedService: service.name, method: name, type: .unary),
            deserializer: Self.deserializer, serializer: ProtobufSerializer<Response>()
        ) { request, _ in
            let response = try await respond(as: service) { try await ServerRequest(stream: request).message }
            return StreamingServerResponse(single: ServerResponse(message: response))
        }
    }

    func respond(to bytes: [UInt8], of service: VersionedService) async throws -> [UInt8] {
        let response = try await respond(as: service) { try Self.deserializer.deserialize(bytes) }
        return try ProtobufSerializer().serialize(response)
    }

    /// The one place where calls are authorised. A row knows nothing of it, so a new one cannot forget it.
    private func respond(as service: VersionedService, to read: () async throws -> Request) async throws -> Response {
        guard let peer = PeerCredentials.current else {
            throw RPCError(code: .permissionDenied, message: "it is not known who calls")
        }
        let permit = service.access.permit(
            peer, MethodName(group: service.group, version: service.version, name: name))
        do {
            let request = try await read()
            let host = ConfinedHost(host: service.host, permit: permit, paths: service.access.paths)
            let response = try await answer(request, host)
            // A row that asks nothing of the host would otherwise be free to all.
            guard !permit.rules.isEmpty else { throw permit.refusal }
            return response
        } catch {
            let refusal = error as? StorageError
            if let refusal, refusal.code == .denied {
                service.access.log(refusal, of: permit)
                throw refusal.rpcError
            }
            // Nor is a caller that may not call told what else is wrong with its request.
            guard !permit.rules.isEmpty else {
                service.access.log(permit.refusal, of: permit)
                throw permit.refusal.rpcError
            }
            throw refusal?.rpcError ?? error
        }
    }
}

protocol MethodRow: Sendable {
    var name: String { get }
    func register<Transport>(with router: inout RPCRouter<Transport>, of service: VersionedService)
    /// Answers a request as it came, as the registered handler does.
    func respond(to bytes: [UInt8], of service: VersionedService) async throws -> [UInt8]
}

/// A service of one version: its rows under its name.
struct VersionedService: RegistrableRPCService {
    let group: APIGroup
    let version: APIVersion
    let host: any StorageHost
    let access: AccessControl

    var name: String { group.serviceName(version) }
    var methods: [any MethodRow] { group.methods(version) }

    func registerMethods<Transport>(with router: inout RPCRouter<Transport>) where Transport: ServerTransport {
        for method in methods { method.register(with: &router, of: self) }
    }
}
