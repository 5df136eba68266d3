// SPDX-License-Identifier: Apache-2.0

extension [UInt8] {
    func little(_ offset: Int, _ count: Int) -> Int64 {
        self[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | Int64($1) }
    }

    func big(_ offset: Int, _ count: Int) -> Int64 {
        self[offset..<(offset + count)].reduce(0) { $0 << 8 | Int64($1) }
    }

    func has(_ text: String, at offset: Int) -> Bool {
        count >= offset + text.utf8.count && self[offset...].starts(with: text.utf8)
    }
}

extension FixedWidthInteger {
    var littleEndianBytes: [UInt8] { (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }
}

extension UnsignedInteger {
    /// In lower case, of two digits at least.
    var hexadecimal: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}
