// SPDX-License-Identifier: Apache-2.0

/// The units that the grammar is made of.
extension UInt16 {
    static let blank: UInt16 = 0x20
    static let dot: UInt16 = 0x2E
    static let slash: UInt16 = 0x2F
    static let colon: UInt16 = 0x3A
    static let questionMark: UInt16 = 0x3F
    static let backslash: UInt16 = 0x5C

    /// Either separator; a verbatim path has but one.
    var isSeparator: Bool { self == .backslash || self == .slash }

    /// The upper-case letter if it is one of a to z. Device names and prefixes are ASCII.
    var asciiUppercase: UInt16 { (0x61...0x7A).contains(self) ? self - 0x20 : self }

    var isHexDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x46).contains(asciiUppercase)
    }
}
