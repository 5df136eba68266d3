// SPDX-License-Identifier: Apache-2.0

import Glibc

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

    /// Where the first byte is that is not 0. Compares memory with itself, one byte on: a loop over bytes takes
    /// a hundred times as long.
    var firstIndexOfData: Int? {
        let isBlank = withUnsafeBytes { room in
            guard let base = room.baseAddress, room.count > 0 else { return true }
            return room[0] == 0 && memcmp(base, base + 1, room.count - 1) == 0
        }
        return isBlank ? nil : firstIndex { $0 != 0 }
    }
}

extension FixedWidthInteger {
    var littleEndianBytes: [UInt8] { (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) } }
}

extension UnsignedInteger {
    /// In lower case, of two digits at least.
    var hexadecimal: String { (self < 16 ? "0" : "") + String(self, radix: 16) }
}
