// SPDX-License-Identifier: Apache-2.0

/// The pages in which a SCSI disk describes itself (SPC-5, 7.7), as raw bytes from sysfs.
enum VitalProductData {
    /// The first designator of page 83 that names the logical unit: binary in lower-case hexadecimal, text
    /// as it is. Nil where the page has none. Lengths that lead beyond the page end it.
    static func deviceName(page83 page: [UInt8]) -> String? {
        guard page.count >= 4, page[1] == 0x83 else { return nil }
        let end = min(page.count, 4 + Int(page.big(2, 2)))
        var start = 4
        while start + 4 <= end {
            let (codeSet, association) = (page[start] & 0x0F, page[start + 1] >> 4 & 0x03)
            let length = Int(page[start + 3])
            guard start + 4 + length <= end else { return nil }
            let designator = page[(start + 4)..<(start + 4 + length)]
            if association == 0, length > 0 {
                switch codeSet {
                case 1: return designator.map(\.hexadecimal).joined()
                case 2, 3: return String(decoding: designator.prefix { $0 != 0 }, as: UTF8.self)
                default: break
                }
            }
            start += 4 + length
        }
        return nil
    }

    /// The unit serial number, blanks included.
    static func serialNumber(page80 page: [UInt8]) -> String? {
        guard page.count >= 4, page[1] == 0x80 else { return nil }
        let length = min(page.count - 4, Int(page.big(2, 2)))
        return String(decoding: page[4..<(4 + length)].prefix { $0 != 0 }, as: UTF8.self)
    }
}
