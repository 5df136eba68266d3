// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import SwiftProtobuf

/// One method of one version, in both directions: request ⇄ operation, answer ⇄ response. It serves server and client.
///
/// A version is a translation, and only its rows know of its quirks: that 0 stands for the maximum, that a path without
/// a drive is on C:, that disks are decimal text, what a version cannot express.
public struct WireRow: Sendable {
    public let method: String
    /// Reads a request as it came from the wire. Bytes that are no such request are
    /// ``StorageError/Code/invalidArgument``.
    public let read: @Sendable (_ request: [UInt8]) throws -> any Call
    /// The type of the operation that clients call the method for.
    let operation: ObjectIdentifier
    private let client: any Sendable

    /// A request that has been read: to be answered by a host, with the bytes of the response.
    public protocol Call: Sendable {
        func answer(by host: any StorageHost) async throws -> [UInt8]
        /// The same where it takes no wait; nil where it may, see ``StorageHost/answer(atOnce:)``.
        func answer(atOnceBy host: any StorageHost) throws -> [UInt8]?
    }

    private struct ReadCall<Operation: HostOperation, Request: Message, Response: Message>: Call {
        let request: Request
        let operation: @Sendable (Request) throws -> Operation
        let response: @Sendable (Request, Operation.Answer) throws -> Response

        func answer(by host: any StorageHost) async throws -> [UInt8] {
            try response(request, try await host.perform(try operation(request))).serializedBytes()
        }

        func answer(atOnceBy host: any StorageHost) throws -> [UInt8]? {
            guard let answer = try host.answer(atOnce: try operation(request)) else { return nil }
            return try response(request, answer).serializedBytes()
        }
    }

    /// The request that a client sends for an operation, and the answer that it makes of the response.
    public struct ClientSide<Operation: HostOperation>: Sendable {
        public let request: @Sendable (Operation) throws -> [UInt8]
        public let answer: @Sendable ([UInt8]) throws -> Operation.Answer
    }

    /// A client's side of the row; nil where it is of another operation.
    public func clientSide<Operation: HostOperation>(of: Operation.Type) -> ClientSide<Operation>? {
        client as? ClientSide<Operation>
    }

    public func isOf<Operation: HostOperation>(_: Operation.Type) -> Bool {
        operation == ObjectIdentifier(Operation.self)
    }

    /// Each closure makes what its label says.
    init<Operation: HostOperation, Request: Message, Response: Message>(
        _ method: String,
        operation: @escaping @Sendable (Request) throws -> Operation,
        response: @escaping @Sendable (Operation.Answer) throws -> Response,
        request: @escaping @Sendable (Operation) throws -> Request,
        answer: @escaping @Sendable (Response) throws -> Operation.Answer
    ) {
        self.method = method
        self.operation = ObjectIdentifier(Operation.self)
        read = { bytes in
            ReadCall(request: try Request(wire: bytes), operation: operation) { (_, answer) in try response(answer) }
        }
        client = ClientSide<Operation>(
            request: { try request($0).serializedBytes() }, answer: { try answer(try Response(wire: $0)) })
    }

    /// A method with an empty response.
    init<Operation: HostOperation<Void>, Request: Message, Response: Message>(
        _ method: String,
        operation: @escaping @Sendable (Request) throws -> Operation,
        response: Response.Type,
        request: @escaping @Sendable (Operation) throws -> Request
    ) {
        self.init(
            method, operation: operation, response: { (_: Void) in Response() }, request: request,
            answer: { (_: Response) in })
    }

    /// A method that clients of ours do not call: `response` is made of the request, too.
    init<Operation: HostOperation, Request: Message, Response: Message>(
        servedOnly method: String,
        operation: @escaping @Sendable (Request) throws -> Operation,
        response: @escaping @Sendable (Request, Operation.Answer) throws -> Response
    ) {
        self.method = method
        self.operation = ObjectIdentifier(Never.self)
        client = ()
        read = { bytes in
            ReadCall(request: try Request(wire: bytes), operation: operation, response: response)
        }
    }
}

extension Message {
    fileprivate init(wire bytes: [UInt8]) throws {
        do {
            try self.init(serializedBytes: bytes)
        } catch {
            throw StorageError(.invalidArgument, "not a \(Self.protoMessageName) message: \(error)")
        }
    }
}
