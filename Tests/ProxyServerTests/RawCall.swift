// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import RPC
import SwiftProtobuf

/// One call on a connection of its own, with any headers and names that a client might send.
func call<Request: Message, Response: Message>(
    _ path: String, _ method: String, _ request: Request, returning: Response.Type = Response.self,
    authority: String = "localhost", metadata: [(String, String)] = [], timeout: Duration? = nil
) async throws -> Response {
    let client = Client(
        path: path, on: MultiThreadedEventLoopGroup.singleton.any(), authority: authority, metadata: metadata)
    defer { client.close() }
    let response = try await client.unary("/\(method)", try request.serializedBytes(), timeout: timeout)
    return try Response(serializedBytes: response)
}

/// The status with which `work` fails; without a connection, it is unavailable.
func status(_ work: () async throws -> Void) async -> StatusCode? {
    do {
        try await work()
        return nil
    } catch {
        return (error as? Status)?.code
    }
}
