// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

@Suite struct TextTests {
    @Test(arguments: ["", #"C:\größe\中文\😀"#, "a\u{0}b", "\u{FFFF}\u{10FFFF}", "e\u{301}", "\u{FFFD}"])
    func goesInAndOutUnitForUnit(_ text: String) throws {
        let path = WindowsPath(text)
        #expect(path.units == Array(text.utf16))
        #expect(try Array(path.text().utf16) == path.units)
        #expect(path.description.utf16.elementsEqual(path.units))
    }

    static let isRefusedWhereHalfAPairStandsAloneCases: [([UInt16], UInt16, Int)] = [
        ([0x43, 0x3A, 0x5C, 0xD800], 0xD800, 3), ([0xDC00], 0xDC00, 0), ([0xDC00, 0xDC01], 0xDC00, 0),
        ([0xD83D, 0xDE00, 0xDE00], 0xDE00, 2),
        ([0xD83D, 0xD83D, 0xDE00], 0xD83D, 0), ([0xDBFF, 0x5C, 0xDC00], 0xDBFF, 0),
    ]

    @Test(arguments: isRefusedWhereHalfAPairStandsAloneCases)
    func isRefusedWhereHalfAPairStandsAlone(_ units: [UInt16], _ unit: UInt16, _ offset: Int) {
        let path = WindowsPath(units: units)
        let fault = #expect(throws: UnpairedSurrogate.self) { try path.text() }
        #expect(fault?.unit == unit && fault?.offset == offset)
        #expect(path.units == units, "the path itself is as good as any")
        #expect(path.description.contains("\u{FFFD}"))
    }

    @Test func unpairedSurrogatesAreKeptByWhatTakesPathsApart() throws {
        let path = WindowsPath(units: Array(#"C:\a\..\"#.utf16) + [0xD800, 0x2E, 0xDC00])
        #expect(path.normalized().units == Array(#"C:\"#.utf16) + [0xD800, 0x2E, 0xDC00])
        #expect(path.splitExtension().fileExtension.units == [0x2E, 0xDC00])
        #expect(try path.fullPath(in: CurrentDirectories(#"C:\"#)).units == path.normalized().units)
    }

    @Test func hasComponents() {
        let path: WindowsPath = #"C:\a/.\\..\b\"#
        #expect(path.components.map(\.description) == ["a", ".", "..", "b"])
        #expect(WindowsPath(#"\\?\C:\a/b\.."#).components.map(\.description) == ["a/b", ".."])
        #expect(WindowsPath("").isEmpty && WindowsPath("").components.isEmpty)
    }
}
