// SPDX-License-Identifier: Apache-2.0

/// What a header field is to gRPC.
package enum FieldName: UInt8, Sendable {
    case method, scheme, path, authority, status
    case contentType, contentLength, te, timeout, encoding, grpcStatus, grpcMessage
    /// Not allowed in HTTP/2: an unknown pseudo field, an upper-case letter, a field of HTTP/1's connections.
    case malformed
    case other

    private static let names: KeyValuePairs<String, FieldName> = [
        ":method": .method, ":scheme": .scheme, ":path": .path, ":authority": .authority, ":status": .status,
        "content-type": .contentType, "content-length": .contentLength, "te": .te, "grpc-timeout": .timeout,
        "grpc-encoding": .encoding, "grpc-status": .grpcStatus, "grpc-message": .grpcMessage,
        "connection": .malformed, "keep-alive": .malformed, "proxy-connection": .malformed,
        "transfer-encoding": .malformed, "upgrade": .malformed,
    ]
    private static let known = Dictionary(uniqueKeysWithValues: names.map { (Array($0.key.utf8), $0.value) })
    private static let greatest = names.map(\.key.utf8.count).max() ?? 0

    package init(_ name: [UInt8]) {
        if name.count <= Self.greatest, let known = Self.known[name] {
            self = known
        } else {
            self = !name.isEmpty && name.allSatisfy(Self.isAllowed) ? .other : .malformed
        }
    }

    /// Lower-case visible ASCII without colon (RFC 9113, section 8.2.1).
    private static func isAllowed(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && !(0x41...0x5a).contains(byte) && byte != 0x3a
    }

    var isPseudo: Bool { rawValue <= FieldName.status.rawValue }
}
