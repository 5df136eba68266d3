// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

@Suite struct FileNameTests {
    @Test(arguments: [
        "a", "a b", ".hidden", "größe", "中文", "😀", "a'b,c;d=e[f]", "\u{7F}", " a", "com0", "CONSOLE", "a..b",
    ])
    func isAName(_ text: String) throws {
        let name = try FileName(WindowsPath(text))
        #expect(name.name.description == text && name.stream == nil && name.streamType == .data)
        #expect(try FileName(WindowsPath(text), allowingStream: true).name.description == text)
    }

    static let isNoNameCases: [(String, NameFault)] = [
        ("", NameFault.empty), (".", .dots), ("..", .dots), ("a.", .endsInDotOrBlank), ("a ", .endsInDotOrBlank),
        ("...", .endsInDotOrBlank), (" ", .endsInDotOrBlank), ("nul", .device), ("Com1.txt", .device),
        ("lpt\u{B2}", .device), ("CONIN$", .device), ("a<", .forbidden(0x3C, at: 1)), (">", .forbidden(0x3E, at: 0)),
        ("a\"b", .forbidden(0x22, at: 1)), ("a/b", .forbidden(0x2F, at: 1)), (#"a\b"#, .forbidden(0x5C, at: 1)),
        ("ab|", .forbidden(0x7C, at: 2)), ("?", .forbidden(0x3F, at: 0)), ("*", .forbidden(0x2A, at: 0)),
        ("a:b", .stream(at: 1)), (":", .stream(at: 0)), ("a\u{0}", .control(0, at: 1)),
        ("\u{1F}", .control(0x1F, at: 0)),
    ]

    @Test(arguments: isNoNameCases)
    func isNoName(_ text: String, _ fault: NameFault) {
        #expect(throws: fault) { try FileName(WindowsPath(text)) }
    }

    @Test func everyControlCharacterIsRefused() {
        for unit in UInt16(0)..<0x20 {
            #expect(throws: NameFault.control(unit, at: 1)) { try FileName(WindowsPath(units: [0x61, unit])) }
        }
        #expect(throws: Never.self) { try FileName(WindowsPath(units: [0x61, 0x20, 0x61])) }
    }

    @Test func unpairedSurrogatesAreRefused() {
        #expect(throws: NameFault.unpairedSurrogate(0xD800, at: 1)) {
            try FileName(WindowsPath(units: [0x61, 0xD800]))
        }
        #expect(throws: NameFault.unpairedSurrogate(0xDC00, at: 2)) {
            try FileName(WindowsPath(units: [0x61, 0x3A, 0xDC00]), allowingStream: true)
        }
    }

    @Test func has255UnitsAtMost() throws {
        let longest = String(repeating: "n", count: 255)
        #expect(try FileName(WindowsPath(longest)).name.units.count == 255)
        #expect(throws: NameFault.tooLong(units: 256)) { try FileName(WindowsPath(longest + "n")) }
        // Units are counted, neither characters nor bytes.
        #expect(try FileName(WindowsPath(String(repeating: "中", count: 255))).name.units.count == 255)
        #expect(throws: NameFault.tooLong(units: 256)) { try FileName(WindowsPath(String(repeating: "😀", count: 128))) }
        // A name and its stream have 255 each.
        let both = WindowsPath("\(longest):\(longest):$DATA")
        #expect(try FileName(both, allowingStream: true).stream?.units.count == 255)
        #expect(throws: NameFault.tooLong(units: 256)) {
            try FileName(WindowsPath("a:\(longest)n"), allowingStream: true)
        }
    }

    @Test func verbatimNamesMayBeWhatWin32Changes() throws {
        for text in ["nul", "a.", "a ", "...", "com1.txt"] {
            #expect(try FileName(WindowsPath(text), rules: .verbatim).name.description == text)
        }
        for (text, fault) in [("", NameFault.empty), (".", .dots), ("..", .dots), ("*", .forbidden(0x2A, at: 0))] {
            #expect(throws: fault) { try FileName(WindowsPath(text), rules: .verbatim) }
        }
    }
}

@Suite struct StreamTests {
    static let isNamedCases: [(String, String, StreamType)] = [
        ("a:b", "b", StreamType.data), ("a::$DATA", "", .data), ("a:b:$DATA", "b", .data), ("a:b:$data", "b", .data),
        ("a:$I30:$INDEX_ALLOCATION", "$I30", .indexAllocation), ("a::$Bitmap", "", .bitmap),
        ("a:*?<>|\"\u{1}", "*?<>|\"\u{1}", .data), ("a:nul", "nul", .data), ("a:b. ", "b. ", .data),
    ]

    @Test(arguments: isNamedCases)
    func isNamed(_ text: String, _ stream: String, _ type: StreamType) throws {
        let name = try FileName(WindowsPath(text), allowingStream: true)
        #expect(name.name == "a" && name.stream?.description == stream && name.streamType == type)
    }

    static let isMalformedCases: [(String, NameFault)] = [
        ("a:", NameFault.emptyStream), ("a::", .emptyStream), (":b", .empty), ("a:b:", .unknownStreamType),
        ("a:b:c", .unknownStreamType), ("a:b:$DATA:", .unknownStreamType), ("a:b:DATA", .unknownStreamType),
        ("a:b\u{0}", .control(0, at: 3)), ("a:b/c", .forbidden(0x2F, at: 3)), (#"a:b\"#, .forbidden(0x5C, at: 3)),
        ("nul:b", .device), ("a.:b", .endsInDotOrBlank), ("*:b", .forbidden(0x2A, at: 0)),
    ]

    @Test(arguments: isMalformedCases)
    func isMalformed(_ text: String, _ fault: NameFault) {
        #expect(throws: fault) { try FileName(WindowsPath(text), allowingStream: true) }
        #expect(throws: NameFault.self) { try FileName(WindowsPath(text)) }
    }

    @Test(arguments: StreamType.allCases) func everyTypeHasItsName(_ type: StreamType) throws {
        let name = try FileName(WindowsPath("a::\(type.rawValue.lowercased())"), allowingStream: true)
        #expect(name.streamType == type)
    }
}
