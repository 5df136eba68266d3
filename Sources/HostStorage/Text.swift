// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Whether both are the same bytes. `==` also takes canonically equivalent text for equal, which no
    /// filesystem and no device does.
    package func isIdentical(to other: String) -> Bool {
        let (own, others) = (utf8, other.utf8)
        guard own.count == others.count else { return false }
        // Byte by byte in place: an iteration of the views takes several times as long.
        let (bytes, otherBytes) = (own.span, others.span)
        for index in bytes.indices where bytes[index] != otherBytes[index] { return false }
        return true
    }

    /// The text in one line, without characters that a terminal or a log would obey: control characters, ends of lines,
    /// and characters that turn the direction of writing.
    package var inOneLine: String {
        guard unicodeScalars.contains(where: \.isObeyed) else { return self }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            text.append(!scalar.isObeyed ? scalar : "\n\t\r".unicodeScalars.contains(scalar) ? " " : "\u{FFFD}")
        }
        return String(text)
    }

    /// The beginning of text that a caller sent and that may be anything: short, and without control
    /// characters, so that it can stand in an error and in a log.
    package var excerpt: String {
        var excerpt = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            guard excerpt.count < 260 else { return String(excerpt) + "…" }
            excerpt.append(scalar.value < 0x20 || scalar.value == 0x7F ? "\u{FFFD}" : scalar)
        }
        return String(excerpt)
    }
}

extension String {
    /// Whether all of the text matches the pattern. `*` stands for any text, none included; every other byte for itself.
    package func matches(pattern: String) -> Bool {
        let pattern = Array(pattern.utf8)
        let text = Array(utf8)
        var (p, t) = (0, 0)
        // Where to go on when the text after the last star does not fit: one byte later.
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == text[t] {
                p += 1
                t += 1
            } else if let (afterStar, from) = star {
                star = (afterStar, from + 1)
                p = afterStar + 1
                t = from + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}

/// Classes of ASCII characters.
extension UInt8 {
    package var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    package var isHexDigit: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20) }
    package var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
    package var isLetterOrDigit: Bool { isLetter || isDigit }
}

extension Unicode.Scalar {
    fileprivate var isObeyed: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
