// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

/// An example of each function; `NtpathTests` has the hundred thousands.
@Suite struct PartsTests {
    static let splitRootCases: [(String, String, String, String)] = [
        (#"C:\a\b"#, "C:", #"\"#, #"a\b"#), ("c:a", "c:", "", "a"), ("/a", "", "/", "a"), ("a/b", "", "", "a/b"),
        ("//server/share/a", "//server/share", "/", "a"), (#"\\server"#, #"\\server"#, "", ""),
        (#"\\server\\share"#, #"\\server\"#, #"\"#, "share"), (#"\\.\pipe\a"#, #"\\.\pipe"#, #"\"#, "a"),
        (#"\\?\UNC\s\h\a"#, #"\\?\UNC\s\h"#, #"\"#, "a"), (#"\\?\C:\a/b"#, #"\\?\C:"#, #"\"#, "a/b"),
        (#"\??\C:\a"#, "", #"\"#, #"??\C:\a"#),
    ]

    @Test(arguments: splitRootCases)
    func splitRoot(_ text: String, _ drive: String, _ root: String, _ tail: String) {
        let path = WindowsPath(text)
        let parts = path.splitRoot()
        #expect([parts.drive, parts.root, parts.tail].map(\.description) == [drive, root, tail])
        #expect(path.splitDrive().drive.description == drive)
        #expect(path.splitDrive().rest.description == root + tail)
    }

    static let splitCases: [(String, String, String)] = [
        (#"C:\a\b"#, #"C:\a"#, "b"), (#"C:\a"#, #"C:\"#, "a"), ("a//b/", "a//b", ""), ("C:a", "C:", "a"),
        (#"\\?\C:\a/b"#, #"\\?\C:\"#, "a/b"),
    ]

    @Test(arguments: splitCases)
    func split(_ text: String, _ directory: String, _ name: String) {
        let parts = WindowsPath(text).split()
        #expect(parts.directory.description == directory && parts.name.description == name)
    }

    static let splitExtensionCases: [(String, String, String)] = [
        ("a.tar.gz", "a.tar", ".gz"), (#"a.b\c"#, #"a.b\c"#, ""), ("..a", "..a", ""), ("..a.b", "..a", ".b"),
        ("a.", "a", "."), (#"\\?\C:\a.b/c"#, #"\\?\C:\a"#, ".b/c"),
    ]

    @Test(arguments: splitExtensionCases)
    func splitExtension(_ text: String, _ stem: String, _ fileExtension: String) {
        let parts = WindowsPath(text).splitExtension()
        #expect(parts.stem.description == stem && parts.fileExtension.description == fileExtension)
    }

    static let normalizedCases: [(String, String)] = [
        ("", "."), ("C:", "C:"), ("C:..", "C:.."), (#"C:\..\a/./b//../c/"#, #"C:\a\c"#),
        (#"..\a\..\..\b"#, #"..\..\b"#), ("//server/share/../a", #"\\server\share\a"#),
        (#"\\?\C:\a\..\b/."#, #"\\?\C:\a\..\b/."#), ("a/..", "."), (#"//?/C:/a/.."#, #"\\?\C:\"#),
        ("a . /b.", #"a . \b."#),
    ]

    @Test(arguments: normalizedCases)
    func normalized(_ text: String, _ normal: String) {
        #expect(WindowsPath(text).normalized().description == normal)
    }

    @Test func joined() {
        func join(_ first: WindowsPath, _ others: WindowsPath...) -> String { first.joining(others).description }
        #expect(join(#"C:\a"#, "b", "c") == #"C:\a\b\c"#)
        #expect(join(#"C:\a"#, "c:b") == #"c:\a\b"#)
        #expect(join(#"C:\a"#, "D:b") == "D:b")
        #expect(join(#"C:\a"#, "/b") == "C:/b")
        #expect(join("//server/share", "a") == #"//server/share\a"#)
        #expect(join("C:", "a") == "C:a")
        #expect(join(#"\\?\C:\a/"#, "b") == #"\\?\C:\a/\b"#, "a slash ends no verbatim path")
    }

    @Test func common() throws {
        #expect(try WindowsPath.common(of: [#"C:\A\b\c"#, "c:/a/./B/d", #"C:\a\b"#]).description == #"C:\A\b"#)
        #expect(try WindowsPath.common(of: ["a", "b"]).description == "")
        #expect(try WindowsPath.common(of: ["a/b/c", "a/x", "a/b/c"]).description == "a")
        #expect(try WindowsPath.common(of: [#"\:x"#, #"\:X\y"#]).description == #"\:x"#)
        #expect(throws: CommonPathFault.noPaths) { try WindowsPath.common(of: []) }
        #expect(throws: CommonPathFault.differentDrives) { try WindowsPath.common(of: [#"C:\a"#, #"D:\a"#]) }
        #expect(throws: CommonPathFault.rootedAndUnrooted) { try WindowsPath.common(of: [#"C:\a"#, "C:a"]) }
    }

    @Test func relative() throws {
        let directories = try CurrentDirectories(#"C:\x\y"#, others: [#"D:\z"#])
        func relative(_ path: WindowsPath, to start: WindowsPath) throws -> String {
            try path.relative(to: start, in: directories).description
        }
        #expect(try relative(#"C:\a\b"#, to: #"c:\A\c\d"#) == #"..\..\b"#)
        #expect(try relative(#"C:\X\Y"#, to: ".") == ".")
        #expect(try relative("a", to: "..") == #"y\a"#)
        #expect(try relative("D:a", to: #"D:\"#) == #"z\a"#)
        #expect(try relative("a. ", to: ".") == "a", "resolved as Win32 does")
        #expect(throws: RelativePathFault.differentDrives) { try relative(#"D:\a"#, to: ".") }
        #expect(throws: RelativePathFault.unresolved(.empty)) { try relative("", to: ".") }
        #expect(throws: RelativePathFault.unresolved(.holdsNUL(at: 1))) { try relative("a", to: "a\u{0}") }
    }

    static let isReservedCases: [(String, Bool)] = [
        ("nul", true), (#"C:\con.txt\a"#, true), ("com\u{B9}", true), ("a.", true), ("a /b", true), ("aa:b", true),
        ("a*", true), ("\u{1F}", true), ("conin$", true), ("..", false), (#".\a"#, false), ("com0", false),
        ("nul0", false), ("", false), (#"\\server\nul"#, false), ("con\u{131}n$", false),
    ]

    @Test(arguments: isReservedCases)
    func isReserved(_ text: String, _ isReserved: Bool) {
        #expect(WindowsPath(text).isReserved == isReserved)
    }
}
