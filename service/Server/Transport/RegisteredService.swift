// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import HostStorage
import StorageWire

/// A service as gRPC routes its calls: bytes in, bytes out.
struct RegisteredService: RegistrableRPCService {
    let service: VersionedService
    let calls: ServedCalls
    let tokens: StreamLifetimes

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for row in service.rows {
            router.registerHandler(
                forMethod: MethodDescriptor(fullyQualifiedService: service.name, method: row.method, type: .unary),
                deserializer: RequestReader(row: row), serializer: ResponseBytes()
            ) { request, _ in
                do {
                    let response = try await calls.answer(try context(of: request.metadata, row), of: row, by: service)
                    {
                        try await ServerRequest(stream: request).message
                    }
                    return StreamingServerResponse(single: ServerResponse(message: response))
                } catch let error as StorageError {
                    throw error.rpcError
                }
            }
        }
    }

    private func context(of metadata: Metadata, _ row: WireRow) throws -> CallContext {
        let number = metadata[stringValues: StreamLifetimes.headerName].first { _ in true }
        guard let number = number.flatMap({ UInt64($0) }), let token = tokens.take(number) else {
            throw RPCError(code: .cancelled, message: "the stream closed before its call began")
        }
        return CallContext(
            peer: token.peer, service: service.name, method: row.method, timeout: token.timeout,
            left: { await token.closed() })
    }
}

/// Reads requests of a row. Greater ones than ``limit`` are refused with a status that says so.
struct RequestReader: MessageDeserializer {
    let row: WireRow
    /// gRPC's customary 4 MiB.
    static let limit = 4 << 20

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> WireRow.Call {
        let size = bytes.withUnsafeBytes { $0.count }
        guard size <= Self.limit else {
            throw RPCError(code: .resourceExhausted, message: "a message of \(size) bytes exceeds \(Self.limit)")
        }
        return try row.read(bytes.withUnsafeBytes { Array($0) })
    }
}

private struct ResponseBytes: MessageSerializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }
}
