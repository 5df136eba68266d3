// SPDX-License-Identifier: Apache-2.0

/// The values of binary trailers: base64, written without padding and read with or without.
///
/// Source: RFC 4648, section 4; gRPC over HTTP/2, "Binary-Header".
enum Base64 {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8?] = {
        var values = [UInt8?](repeating: nil, count: 256)
        for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity((bytes.count * 4 + 2) / 3)
        var word: UInt32 = 0
        var bits = 0
        for byte in bytes {
            word = word << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                result.append(letters[Int(word >> UInt32(bits) & 63)])
            }
        }
        if bits > 0 { result.append(letters[Int(word << UInt32(6 - bits) & 63)]) }
        return result
    }

    /// Nil where it is no base64.
    static func decode(_ text: [UInt8]) -> [UInt8]? {
        let padding = UInt8(ascii: "=")
        let length = text.lastIndex { $0 != padding }.map { $0 + 1 } ?? 0
        guard text.count - length <= 2, length % 4 != 1 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(length * 3 / 4)
        var word: UInt32 = 0
        var bits = 0
        for letter in text[..<length] {
            guard let value = values[Int(letter)] else { return nil }
            word = word << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
            }
        }
        return result
    }
}
