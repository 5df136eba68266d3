// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import WindowsPath

@Suite struct UpcaseTableTests {
    /// Takes mkfs.ntfs and ntfscat, which `tools/setup` installs.
    @Test func isTheTableOfAnNTFSVolume() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "upcase-\(UUID())")
        defer { try? FileManager.default.removeItem(at: file) }
        try Script.run("ntfs-upcase", [file.path])
        let table = try Script.units(in: file)
        try #require(table.count == 65_536)
        let different = (UInt16.min...UInt16.max).filter { UpcaseTable.upcase($0) != table[Int($0)] }
        #expect(different.isEmpty)
    }

    static let hasUpperCaseCases: [(String, String)] = [
        ("a", "A"), ("z", "Z"), ("é", "É"), ("ÿ", "Ÿ"), ("ǆ", "Ǆ"), ("σ", "Σ"), ("я", "Я"), ("ꙁ", "Ꙁ"), ("ａ", "Ａ"),
        ("ⓐ", "Ⓐ"),
        // Their own, independent of Unicode.
        ("ß", "ß"), ("ı", "ı"), ("ſ", "ſ"), ("µ", "µ"), ("ς", "ς"), ("ǅ", "ǅ"), ("İ", "İ"), ("\u{212A}", "\u{212A}"),
        ("ა", "ა"), ("ꭰ", "ꭰ"), ("\u{10D}", "\u{10C}"), ("\u{7F}", "\u{7F}"), ("`", "`"), ("{", "{"),
    ]

    @Test(arguments: hasUpperCaseCases)
    func hasUpperCase(_ lower: String, _ upper: String) throws {
        let (lower, upper) = (Array(lower.utf16), Array(upper.utf16))
        try #require(lower.count == 1 && upper.count == 1)
        #expect(UpcaseTable.upcase(lower[0]) == upper[0])
    }

    @Test func upperCaseIsItsOwnUpperCase() {
        for unit in UInt16.min...UInt16.max {
            let upper = UpcaseTable.upcase(unit)
            #expect(UpcaseTable.upcase(upper) == upper)
            #expect(!(0xD800...0xDFFF).contains(unit) || upper == unit)
        }
    }
}
