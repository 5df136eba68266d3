// SPDX-License-Identifier: Apache-2.0

/// Tells which services there are and what their messages look like, for tools such as grpcurl: grpc.reflection.v1, and
/// v1alpha, which differs in its name alone.
///
/// Source: gRPC, "GRPC Server Reflection Protocol".
public struct ReflectionService: Sendable {
    /// Of its own services.
    public static let names = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]

    private let services: [String]
    private let files: FileDescriptors

    public struct MalformedDescriptor: Error {}

    /// - Parameters:
    ///   - services: the names to list.
    ///   - descriptors: serialised `FileDescriptorProto`s, in base64, of the files to describe.
    public init(of services: [String], describedBy descriptors: [String]) throws(MalformedDescriptor) {
        self.services = services.sorted()
        var files: [[UInt8]] = []
        for text in descriptors {
            guard let bytes = Base64.decode(Array(text.utf8)) else { throw MalformedDescriptor() }
            files.append(bytes)
        }
        guard let found = try? FileDescriptors(files) else { throw MalformedDescriptor() }
        self.files = found
    }

    public var methods: [Method] {
        Self.names.map { name in
            Method.each("/\(name)/ServerReflectionInfo", limit: Self.limit) { (_, request) throws(Status) in
                try answer(request)
            }
        }
    }

    /// Names are shorter.
    private static let limit = 4_096

    /// The fields of a request, of which one is there, and those of a response.
    private enum Request {
        static let host = 1, file = 3, symbol = 4, `extension` = 5, extensionNumbers = 6, services = 7
    }

    private enum Response {
        static let host = 1, request = 2, files = 4, extensionNumbers = 5, services = 6, error = 7
    }

    private func answer(_ request: [UInt8]) throws(Status) -> [UInt8] {
        var response: [UInt8] = []
        var content: (field: Int, bytes: [UInt8])?
        do {
            var fields = MessageFields(request[...])
            while let (field, value) = try fields.next() {
                if field == Request.host, let host = value.text { response.append(field: Response.host, host.utf8) }
                content = try answer(to: field, value) ?? content
            }
        } catch {
            throw Status(.invalidArgument, "not a ServerReflectionRequest message")
        }
        guard let content else { throw Status(.invalidArgument, "the request asks for nothing that is known") }
        response.append(field: Response.request, request)
        response.append(field: content.field, content.bytes)
        return response
    }

    private func answer(
        to field: Int, _ value: MessageFields.Value
    ) throws(MessageFields.Malformed) -> (field: Int, bytes: [UInt8])? {
        switch field {
        case Request.file: return Self.response(files.file(named: value.text ?? ""))
        case Request.symbol: return Self.response(files.file(defining: value.text ?? ""))
        // proto3 has no extensions but those of options, and no file here defines any.
        case Request.extension: return Self.notFound
        case Request.extensionNumbers:
            let name = value.text ?? ""
            guard files.hasSymbol(name) else { return Self.notFound }
            var numbers: [UInt8] = []
            numbers.append(field: 1, name.utf8)
            return (Response.extensionNumbers, numbers)
        case Request.services:
            var list: [UInt8] = []
            for service in services {
                var one: [UInt8] = []
                one.append(field: 1, service.utf8)
                list.append(field: 1, one)
            }
            return (Response.services, list)
        default: return nil
        }
    }

    private static func response(_ files: [[UInt8]]?) -> (field: Int, bytes: [UInt8]) {
        guard let files else { return notFound }
        var list: [UInt8] = []
        for file in files { list.append(field: 1, file) }
        return (Response.files, list)
    }

    private static let notFound: (field: Int, bytes: [UInt8]) = {
        var error: [UInt8] = []
        error.append(field: 1, StatusCode.notFound.rawValue)
        error.append(field: 2, "there is no such thing".utf8)
        return (Response.error, error)
    }()
}
