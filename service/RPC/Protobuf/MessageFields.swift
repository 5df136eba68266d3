// SPDX-License-Identifier: Apache-2.0

/// Reads the fields of a protobuf message, one after the other: for the few messages of the engine's own services.
///
/// Source: protobuf, "Encoding".
struct MessageFields {
    private var rest: ArraySlice<UInt8>

    init(_ message: some Sequence<UInt8>) { rest = Array(message)[...] }

    init(_ message: ArraySlice<UInt8>) { rest = message }

    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
        /// Of 4 or 8 bytes.
        case fixed

        var text: String? {
            guard case .bytes(let bytes) = self else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    struct Malformed: Error {}

    /// The next field; nil after the last one.
    mutating func next() throws(Malformed) -> (number: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try number()
        let field = Int(tag >> 3)
        switch tag & 7 {
        case 0: return (field, .number(try number()))
        case 1:
            _ = try take(8)
            return (field, .fixed)
        case 2: return (field, .bytes(try take(try number())))
        case 5:
            _ = try take(4)
            return (field, .fixed)
        default: throw Malformed()
        }
    }

    private mutating func number() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw Malformed() }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw Malformed()
    }

    private mutating func take(_ count: UInt64) throws(Malformed) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Malformed() }
        let taken = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        return taken
    }
}

extension [UInt8] {
    /// Adds a field of a message: bytes, a text or another message.
    mutating func append(field: Int, _ bytes: some Collection<UInt8>) {
        append(number: UInt64(field) << 3 | 2)
        append(number: UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    mutating func append(field: Int, _ number: Int) {
        append(number: UInt64(field) << 3)
        append(number: UInt64(number))
    }

    private mutating func append(number: UInt64) {
        var rest = number
        while rest > 0x7f {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
