// SPDX-License-Identifier: Apache-2.0

/// Whether services are served, for probes: grpc.health.v1. All are, until the server ends.
///
/// Source: gRPC, "GRPC Health Checking Protocol".
public struct HealthService: Sendable {
    private let services: Set<String>

    /// - Parameter services: the names that are known, beside the empty one, which stands for the whole server.
    public init(of services: Set<String>) { self.services = services.union([""]) }

    /// The values of `ServingStatus`, as messages with it as field 1.
    private enum Serving: UInt8 {
        case yes = 1
        case no, unknown

        var message: [UInt8] { [0x08, rawValue] }
    }

    public func methods(of server: Server) -> [Method] {
        [
            Method("/grpc.health.v1.Health/Check", limit: Self.limit) { (_, request) throws(Status) in
                let name = try Self.service(in: request)
                guard services.contains(name) else { throw Status(.notFound, "there is no service of that name") }
                return .now(Serving.yes.message)
            },
            Method("/grpc.health.v1.Health/Watch", limit: Self.limit) { [weak server] (_, request) throws(Status) in
                let isKnown = services.contains(try Self.service(in: request))
                return .stream { [weak server] (writer) async throws(Status) in
                    try await writer.send((isKnown ? Serving.yes : .unknown).message)
                    await server?.untilItEnds()
                    if isKnown { try await writer.send(Serving.no.message) }
                    throw Status(.unavailable, "the server ends")
                }
            },
        ]
    }

    private static let limit = 1_024

    /// Field 1 of the request, a text.
    private static func service(in request: [UInt8]) throws(Status) -> String {
        var rest = request[...]
        var name = ""
        while !rest.isEmpty {
            guard let tag = number(&rest) else { throw malformed }
            switch tag & 7 {
            case 0: guard number(&rest) != nil else { throw malformed }
            case 1: guard skip(8, &rest) != nil else { throw malformed }
            case 2:
                guard let length = number(&rest), let text = skip(length, &rest) else { throw malformed }
                if tag >> 3 == 1 { name = String(decoding: text, as: UTF8.self) }
            case 5: guard skip(4, &rest) != nil else { throw malformed }
            default: throw malformed
            }
        }
        return name
    }

    private static let malformed = Status(.invalidArgument, "not a grpc.health.v1.HealthCheckRequest message")

    private static func number(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.popFirst() else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    private static func skip(_ count: UInt64, _ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard count <= bytes.count else { return nil }
        let text = bytes.prefix(Int(count))
        bytes = bytes.dropFirst(Int(count))
        return text
    }
}
