// SPDX-License-Identifier: Apache-2.0

/// The header fields of a request, as far as gRPC looks at them. What they say is compared with known values; of others
/// only the size counts.
struct RequestHead {
    private(set) var method: [UInt8] = []
    private(set) var path: [UInt8] = []
    private(set) var contentTypes: [[UInt8]] = []
    private(set) var timeouts: [[UInt8]] = []
    private(set) var encoding: [UInt8]?
    private(set) var contentLength: Int?
    private(set) var size = 0
    /// What HTTP/2 does not allow (RFC 9113, section 8).
    private(set) var isMalformed = false
    private var pseudo: UInt16 = 0
    private var hasRegular = false

    private static let trailersOnly = Array("trailers".utf8)
    private static let needed: UInt16 = [FieldName.method, .scheme, .path].reduce(0) { $0 | bit($1) }

    private static func bit(_ name: FieldName) -> UInt16 { 1 << UInt16(name.rawValue) }

    mutating func add(_ field: HeaderField) {
        size += field.size
        if field.isValueMalformed { isMalformed = true }
        if field.name.isPseudo {
            // Before the others, and once.
            if hasRegular || pseudo & Self.bit(field.name) != 0 || field.name == .status { isMalformed = true }
            pseudo |= Self.bit(field.name)
        } else {
            hasRegular = true
        }
        switch field.name {
        case .method: method = field.value
        case .path: path = field.value
        case .contentType: if contentTypes.count < 2 { contentTypes.append(field.value) }
        case .te: if field.value != Self.trailersOnly { isMalformed = true }
        case .timeout: if timeouts.count < 2 { timeouts.append(field.value) }
        case .encoding: encoding = field.value
        case .contentLength:
            guard contentLength == nil, let length = Self.number(field.value) else {
                isMalformed = true
                return
            }
            contentLength = length
        case .malformed: isMalformed = true
        default: break
        }
    }

    /// Of a request, not of its trailers.
    var isComplete: Bool { pseudo & Self.needed == Self.needed && !path.isEmpty }
    /// Trailers have no pseudo fields.
    var isTrailers: Bool { pseudo == 0 }

    private static let type = Array("application/grpc".utf8)

    var isGRPC: Bool {
        guard contentTypes.count == 1, let given = contentTypes.first, given.starts(with: Self.type) else {
            return false
        }
        return given.count == Self.type.count
            || [UInt8(ascii: "+"), UInt8(ascii: ";")].contains(given[Self.type.count])
    }

    private static func number(_ text: [UInt8]) -> Int? {
        guard (1...18).contains(text.count) else { return nil }
        var number = 0
        for digit in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return number
    }
}
