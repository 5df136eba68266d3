// SPDX-License-Identifier: Apache-2.0

/// The text of `grpc-message`.
///
/// Source: gRPC over HTTP/2, "Percent-Encoded".
enum PercentEncoding {
    /// - Parameter room: The most bytes of the result. What does not fit is left out, by whole characters.
    static func encode(_ text: String, room: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(min(text.utf8.count, room))
        for character in text.unicodeScalars {
            let start = result.count
            for byte in UTF8.encode(character) ?? UTF8.encodedReplacementCharacter {
                if isPlain(byte) {
                    result.append(byte)
                } else {
                    result += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
                }
            }
            guard result.count <= room else {
                result.removeLast(result.count - start)
                break
            }
        }
        return result
    }

    static func decode(_ text: [UInt8]) -> String {
        guard text.contains(UInt8(ascii: "%")) else { return String(decoding: text, as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var at = 0
        while at < text.count {
            if text[at] == UInt8(ascii: "%"), at + 2 < text.count, let high = value(text[at + 1]),
                let low = value(text[at + 2])
            {
                bytes.append(high << 4 | low)
                at += 3
            } else {
                // A bad escape stands for itself: an error's text is better garbled than lost.
                bytes.append(text[at])
                at += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool { (0x20...0x7e).contains(byte) && byte != UInt8(ascii: "%") }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
