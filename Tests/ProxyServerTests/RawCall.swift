// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import GRPCNIOTransportCore
import NIOCore
import NIOPosix
import SwiftProtobuf

/// One call on a connection of its own, with any headers and names that a client might send.
func call<Request: Message, Response: Message>(
    _ path: String, _ method: String, _ request: Request, returning: Response.Type = Response.self,
    authority: String = "localhost", metadata: Metadata = [:], timeout: Duration? = nil
) async throws -> Response {
    let parts = method.split(separator: "/").map(String.init)
    let transport = try await HTTP2ClientTransport.WrappedChannel.wrapping(
        config: .defaults {
            $0.http2.authority = authority
        }
    ) { configure in
        try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(unixDomainSocketPath: path) { channel in configure(channel) }
    }
    return try await withGRPCClient(transport: transport) { client in
        var options = CallOptions.defaults
        options.timeout = timeout
        options.maxRequestMessageBytes = 64 << 20
        return try await client.unary(
            request: ClientRequest(message: request, metadata: metadata),
            descriptor: MethodDescriptor(fullyQualifiedService: parts[0], method: parts[1], type: .unary),
            serializer: WireSerializer<Request>(), deserializer: WireDeserializer<Response>(),
            options: options
        ) { try $0.message }
    }
}

/// The status with which `work` fails; without a connection, it is unavailable.
func status(_ work: () async throws -> Void) async -> RPCError.Code? {
    do {
        try await work()
        return nil
    } catch {
        if let error = error as? RuntimeError, error.code == .clientIsStopped { return .unavailable }
        return (error as? RPCError)?.code
    }
}

private struct WireSerializer<Value: Message>: MessageSerializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: Value) throws -> Bytes {
        Bytes(try message.serializedBytes() as [UInt8])
    }
}

private struct WireDeserializer<Value: Message>: MessageDeserializer {
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Value {
        try Value(serializedBytes: bytes.withUnsafeBytes { Array($0) })
    }
}
