// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

/// Where ntpath and Win32 disagree, and Win32 wins: the answers of each. The left is asked of Python, so that the list
/// is true; the right is this module's.
@Suite struct NtpathDisagreementTests {
    struct Example: Sendable {
        let why: Win32Disagreement
        let function: NtpathOracle.Function
        let paths: [String]
        let ntpath: [String]
        let win32: [String]
        var pairs = false
        /// Whether the comparison of generated paths leaves the like of it out, or else knows both answers.
        var isLeftOut = true
    }

    static let examples = [
        Example(
            why: .slashInVerbatimPath, function: .split, paths: [#"\\?\C:\a/b"#],
            ntpath: [#"\\?\C:\a"#, "b"], win32: [#"\\?\C:\"#, "a/b"]),
        Example(
            why: .slashInVerbatimPath, function: .splitRoot, paths: [#"\\?\C:/a"#],
            ntpath: [#"\\?\C:"#, "/", "a"], win32: [#"\\?\C:/a"#, "", ""]),
        Example(
            why: .slashInVerbatimPath, function: .splitDrive, paths: [#"\\?\C:/a"#],
            ntpath: [#"\\?\C:"#, "/a"], win32: [#"\\?\C:/a"#, ""]),
        Example(
            why: .slashInVerbatimPath, function: .splitExtension, paths: [#"\\?\C:\a.b/c"#],
            ntpath: [#"\\?\C:\a.b/c"#, ""], win32: [#"\\?\C:\a"#, ".b/c"]),
        Example(
            why: .slashInVerbatimPath, function: .isReserved, paths: [#"\\?\C:\a/b"#], ntpath: ["0"], win32: ["1"]),
        Example(
            why: .slashInVerbatimPath, function: .join, paths: [#"\\?\C:\a/"#, "b"],
            ntpath: [#"\\?\C:\a/b"#], win32: [#"\\?\C:\a/\b"#]),
        Example(
            why: .slashInVerbatimPath, function: .common, paths: [#"\\?\C:\a/b"#, #"\\?\C:\a/c"#],
            ntpath: [#"\\?\C:\a"#], win32: [#"\\?\C:\"#]),
        Example(
            why: .verbatimPathIsNotNormalized, function: .normalized, paths: [#"\\?\C:\a\..\.\b\"#],
            ntpath: [#"\\?\C:\b"#], win32: [#"\\?\C:\a\..\.\b\"#]),
        Example(why: .separatorAsDrive, function: .isAbsolute, paths: [#"\:\a"#], ntpath: ["1"], win32: ["0"]),
        Example(
            why: .surrogatePairAsDrive, function: .splitDrive, paths: ["\u{1F600}:a"],
            ntpath: ["\u{1F600}:", "a"], win32: ["", "\u{1F600}:a"], pairs: true, isLeftOut: false),
        Example(
            why: .nameLikeDrive, function: .normalized, paths: [#"a\..\c:x"#], ntpath: ["c:x"], win32: [#".\c:x"#],
            isLeftOut: false),
        Example(
            why: .nameLikeDrive, function: .common, paths: ["./c:x", "./C:x/y"], ntpath: ["c:x"], win32: [#".\c:x"#],
            isLeftOut: false),
        Example(
            why: .nameLikeDrive, function: .relative, paths: ["./c:x", "."], ntpath: ["c:x"], win32: [#".\c:x"#],
            isLeftOut: false),
        Example(
            why: .foldedLetter, function: .common, paths: ["a/\u{212A}/b", "a/k/b"],
            ntpath: ["a\\\u{212A}\\b"], win32: ["a"]),
        Example(
            why: .foldedLetter, function: .common, paths: ["a/\u{130}", "a/i\u{307}"],
            ntpath: ["a\\\u{130}"], win32: ["a"]),
        Example(
            why: .foldedLetter, function: .relative, paths: ["\u{212A}", "k"], ntpath: ["."], win32: ["..\\\u{212A}"]),
        Example(
            why: .foldedLetter, function: .join, paths: ["\u{212A}:a", "k:b"], ntpath: [#"k:a\b"#], win32: ["k:b"]),
        Example(why: .dotlessIInDevice, function: .isReserved, paths: ["con\u{131}n$"], ntpath: ["1"], win32: ["0"]),
        Example(
            why: .resolution, function: .fullPath, paths: ["a./b. "],
            ntpath: [#"C:\current\dir\a.\b. "#], win32: [#"C:\current\dir\a\b"#]),
        Example(
            why: .resolution, function: .fullPath, paths: ["nul.txt"],
            ntpath: [#"C:\current\dir\nul.txt"#], win32: [#"\\.\nul"#]),
        Example(why: .resolution, function: .fullPath, paths: ["D:a"], ntpath: ["D:a"], win32: [#"D:\a"#]),
        Example(
            why: .resolution, function: .fullPath, paths: [#"a\"#],
            ntpath: [#"C:\current\dir\a"#], win32: [#"C:\current\dir\a\"#], isLeftOut: false),
        Example(
            why: .resolution, function: .fullPath, paths: [#"\\.\C:\..\a"#], ntpath: [#"\\.\C:\a"#], win32: [#"\\.\a"#]),
        Example(
            why: .resolution, function: .fullPath, paths: ["//server//share/a"],
            ntpath: [#"\\server\\share\a"#], win32: [#"\\server\share\a"#]),
        Example(
            why: .resolution, function: .relative, paths: ["a. ", "."], ntpath: ["a. "], win32: ["a"]),
    ]

    @Test func bothSidesSayWhatTheListSays() throws {
        #expect(Set(Self.examples.map(\.why)) == Set(Win32Disagreement.allCases))
        for example in Self.examples {
            let paths = example.paths.map { Array($0.utf16) } + [[], []]
            let question = NtpathOracle.Case(a: paths[0], b: paths[1], c: paths[2])
            let theirs = try NtpathOracle.answers(to: [question], of: [example.function], pairs: example.pairs)
            #expect(theirs == [NtpathAnswer(example.ntpath.map { WindowsPath($0) })], "\(example)")
            let ours = example.function.answer(to: question)
            #expect(ours == NtpathAnswer(example.win32.map { WindowsPath($0) }), "\(example)")
            let expected = DisagreementTraits(question).expected(of: example.function)
            #expect(expected == (example.isLeftOut ? example.why : nil), "\(example)")
        }
    }
}
