// SPDX-License-Identifier: Apache-2.0

/// Whether services are served, for probes: grpc.health.v1. All are, until the server ends.
///
/// Source: gRPC, "GRPC Health Checking Protocol".
public struct HealthService: Sendable {
    public static let name = "grpc.health.v1.Health"

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
            Method("/\(Self.name)/Check", limit: Self.limit) { (_, request) throws(Status) in
                let name = try Self.service(in: request)
                guard services.contains(name) else { throw Status(.notFound, "there is no service of that name") }
                return .now(Serving.yes.message)
            },
            Method("/\(Self.name)/Watch", limit: Self.limit) { [weak server] (_, request) throws(Status) in
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
        var name = ""
        do throws(MessageFields.Malformed) {
            var fields = MessageFields(request[...])
            while let (number, value) = try fields.next() {
                if number == 1, let text = value.text { name = text }
            }
        } catch {
            throw Status(.invalidArgument, "not a grpc.health.v1.HealthCheckRequest message")
        }
        return name
    }
}
