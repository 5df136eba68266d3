// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

@Suite struct FileNameTests {
    static func check(_ text: String, _ rules: FileName.Rules = .win32) throws(NameFault) {
        try FileName.check(Array(text.utf16)[...], rules: rules)
    }

    @Test(arguments: [
        "a", "a b", ".hidden", "größe", "中文", "😀", "a'b,c;d=e[f]", "\u{7F}", " a", "com0", "CONSOLE", "a..b",
    ])
    func isAName(_ text: String) { #expect(throws: Never.self) { try Self.check(text) } }

    static let isNoNameCases: [(String, NameFault)] = [
        ("", NameFault.empty), (".", .dots), ("..", .dots), ("a.", .endsInDotOrBlank), ("a ", .endsInDotOrBlank),
        ("...", .endsInDotOrBlank), (" ", .endsInDotOrBlank), ("nul", .device), ("Com1.txt", .device),
        ("lpt\u{B2}", .device), ("CONIN$", .device), ("a<", .forbidden(0x3C, at: 1)), (">", .forbidden(0x3E, at: 0)),
        ("a\"b", .forbidden(0x22, at: 1)), ("a/b", .forbidden(0x2F, at: 1)), (#"a\b"#, .forbidden(0x5C, at: 1)),
        ("ab|", .forbidden(0x7C, at: 2)), ("?", .forbidden(0x3F, at: 0)), ("*", .forbidden(0x2A, at: 0)),
        ("a:b", .forbidden(0x3A, at: 1)), ("nul:", .forbidden(0x3A, at: 3)), ("a\u{0}", .control(0, at: 1)),
        ("\u{1F}", .control(0x1F, at: 0)),
    ]

    @Test(arguments: isNoNameCases)
    func isNoName(_ text: String, _ fault: NameFault) { #expect(throws: fault) { try Self.check(text) } }

    /// A slice has offsets of its own.
    @Test func offsetsCountFromTheNameAndNotFromItsPath() {
        #expect(throws: NameFault.forbidden(0x2A, at: 1)) { try FileName.check(Array(#"C:\a*"#.utf16)[3...]) }
    }

    @Test func everyControlCharacterIsRefused() {
        for unit in UInt16(0)..<0x20 {
            #expect(throws: NameFault.control(unit, at: 1)) { try FileName.check([0x61, unit]) }
        }
        #expect(throws: Never.self) { try FileName.check([0x61, 0x20, 0x61]) }
    }

    @Test func has255UnitsAtMost() {
        // Units are counted, neither characters nor bytes.
        for longest in [String(repeating: "n", count: 255), String(repeating: "中", count: 255)] {
            #expect(throws: Never.self) { try Self.check(longest) }
            #expect(throws: NameFault.tooLong(units: 256)) { try Self.check(longest + "n") }
        }
        #expect(throws: NameFault.tooLong(units: 256)) { try Self.check(String(repeating: "😀", count: 128)) }
    }
}
