// SPDX-License-Identifier: Apache-2.0

/// A name in which `*` stands for any text, none included. All else stands for itself, byte for byte.
public struct NamePattern: Sendable, Hashable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }

    public func matches(_ name: String) -> Bool {
        let pattern = Array(text.utf8)
        let name = Array(name.utf8)
        var (p, n) = (0, 0)
        // Where to go on when the text after the last star does not fit: one byte later.
        var star: (pattern: Int, name: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, n)
                p += 1
            } else if p < pattern.count, pattern[p] == name[n] {
                p += 1
                n += 1
            } else if let (afterStar, from) = star {
                star = (afterStar, from + 1)
                p = afterStar + 1
                n = from + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    public var description: String { text }
}
