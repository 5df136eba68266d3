// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

/// Full paths as `GetFullPathNameW` returns them. The sources of the tables, by the tables' names:
///
/// - documented: Microsoft, "File path formats on Windows systems", "Naming Files, Paths, and Namespaces".
/// - dotNet: results of .NET's tests of `Path.GetFullPath`, which passes on to `GetFullPathNameW`, on Windows.
/// - wine: results of Wine's tests of `RtlGetFullPathName_U` and `RtlIsDosDeviceName_U`, on which it rests, there.
@Suite struct FullPathTests {
    private func expect(
        _ text: String, _ full: String, in current: WindowsPath, others: [WindowsPath] = [],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let directories = try CurrentDirectories(current, others: others)
        let path = try WindowsPath(text).fullPath(in: directories)
        #expect(path.description == full, "\(text)", sourceLocation: sourceLocation)
    }

    static let documentedCases: [(String, String)] = [
        (#"\utilities"#, #"C:\utilities"#), ("filecompare", #"C:\temp\filecompare"#),
        (#"D:sources"#, #"D:\sources\sources"#), ("E:sources", #"E:\sources"#), ("d:sources", #"D:\sources\sources"#),
        ("CON.TXT", #"\\.\CON"#), ("C:/a//b///c", #"C:\a\b\c"#), (#"C:\a\.\b"#, #"C:\a\b"#),
        (#"C:\a\b\..\c"#, #"C:\a\c"#), (#"C:\..\..\x"#, #"C:\x"#), (#"\\Server\Share\..\..\x"#, #"\\Server\Share\x"#),
        (#"\\.\..\..\x"#, #"\\.\x"#), (#"//?/C:/../x"#, #"\\?\x"#), (#"C:\a.\b"#, #"C:\a\b"#),
        (#"C:\a...\b"#, #"C:\a...\b"#), (#"C:\...\b"#, #"C:\...\b"#), (#"C:\a. . "#, #"C:\a"#),
        (#"C:\a \"#, #"C:\a \"#), (#"C:\a \b"#, #"C:\a \b"#), (#"C:\a.."#, #"C:\a"#),
        (#"\\?\C:\a\..\b/. "#, #"\\?\C:\a\..\b/. "#), ("nul.tar.gz", #"\\.\nul"#), ("COM\u{B9}", "\\\\.\\COM\u{B9}"),
        ("lpt\u{B2}.x", "\\\\.\\lpt\u{B2}"), ("Com\u{B3}", "\\\\.\\Com\u{B3}"), ("COM9", #"\\.\COM9"#),
    ]

    @Test(arguments: documentedCases)
    func documented(_ text: String, _ full: String) throws {
        try expect(text, full, in: #"C:\temp"#, others: [#"D:\sources"#])
    }

    static let wineCases: [(String, String)] = [
        ("c:/test/", #"c:\test\"#), ("c:/test     ", #"c:\test"#), ("c:/test.", #"c:\test"#),
        ("c:/test  ....   ..   ", #"c:\test"#), ("c:/test/  ....   ..   ", #"c:\test\"#), ("c:/test/..", #"c:\"#),
        ("c:/test/.. ", #"c:\test\"#), ("c:/TEST", #"c:\TEST"#), ("c:/test./file", #"c:\test\file"#),
        ("c:/test.. /file", #"c:\test.. \file"#), (#"c:/test\\.\.\file"#, #"c:\test\file"#),
        (#"c:///test\.\.\file//"#, #"c:\test\file\"#), (#"c:///test\..\file\..\//"#, #"c:\"#),
        ("c:/test../file", #"c:\test..\file"#), ("c:/", #"c:\"#), ("c:.", #"C:\windows"#),
        ("c:foo/bar", #"C:\windows\foo\bar"#), (#"\foo"#, #"C:\foo"#), (".", #"C:\windows"#), ("..", #"C:\"#),
        ("...", #"C:\windows\"#), ("foo/..", #"C:\windows"#), (#"?<>*"|:"#, #"C:\windows\?<>*"|:"#),
        (#"\\foo"#, #"\\foo"#), (#"\/foo"#, #"\\foo"#), ("//", #"\\"#), ("//foo/", #"\\foo\"#), ("//.", #"\\.\"#),
        ("//./", #"\\.\"#), ("//.//", #"\\.\"#), ("//./foo/", #"\\.\foo\"#), ("//./foo/bar", #"\\.\foo\bar"#),
        ("//./foo/.", #"\\.\foo"#), ("//./foo/..", #"\\.\"#), ("//?/", #"\\?\"#), ("//?//", #"\\?\"#),
        ("//?/foo/", #"\\?\foo\"#), ("//?/foo/.", #"\\?\foo"#), ("//?/foo/..", #"\\?\"#), (#"\??\foo"#, #"C:\??\foo"#),
    ]

    @Test(arguments: wineCases)
    func wine(_ text: String, _ full: String) throws {
        try expect(text, full, in: #"C:\windows\"#)
    }

    static let dotNetCases: [(String, String)] = [
        (#"C:\git\runtime.\.\.\."#, #"C:\git\runtime"#), (#"C:\git\runtime\\\."#, #"C:\git\runtime"#),
        (#"C:\git\runtime\..\runtime\.\..\runtime"#, #"C:\git\runtime"#), (#"C:\somedir\.."#, #"C:\"#),
        (#"..\..\..\.."#, #"C:\"#), (#"C:\\\"#, #"C:\"#), (#"C:\.\runtime\"#, #"C:\runtime\"#), (#"C:\.."#, #"C:\"#),
        (#"\\LOCALHOST\share4\."#, #"\\LOCALHOST\share4"#), (#"\\LOCALHOST\share5\.."#, #"\\LOCALHOST\share5"#),
        (#"\\LOCALHOST\share6\    "#, #"\\LOCALHOST\share6\"#), (#"\\LOCALHOST\  share7\"#, #"\\LOCALHOST\  share7\"#),
        (#"\\.\UNC\LOCALHOST\shareK\    "#, #"\\.\UNC\LOCALHOST\shareK\"#),
        (#"\\.\UNC\LOCALHOST\shareJ\.. "#, #"\\.\UNC\LOCALHOST\shareJ\"#), (#"\\.\\somedir\.."#, #"\\.\"#),
        (#"\\.\C:\Foo."#, #"\\.\C:\Foo"#), (#"\\.\C:\Foo "#, #"\\.\C:\Foo"#), (#"\\?\C:\Foo. "#, #"\\?\C:\Foo. "#),
        (#"\\?\..\.."#, #"\\?\..\.."#), (#"\\?\UNC\LOCALHOST\shareC\.. "#, #"\\?\UNC\LOCALHOST\shareC\.. "#),
        (#"\tmp\..\bar..\..\.."#, #"C:\"#), (#"C:tmp\foo\.."#, #"C:\git\runtime\tmp"#), ("C:", #"C:\git\runtime"#),
        ("C", #"C:\git\runtime\C"#), (#"Z:tmp\foo\."#, #"Z:\tmp\foo"#), (#"C:tmp\..\"#, #"C:\git\runtime\"#),
        (#"C:..\..\..\tmp\foo\.."#, #"C:\tmp"#), (#"Z:..\..\tmp\..\foo\.."#, #"Z:\"#),
        ("C:\\Test\u{2003}", "C:\\Test\u{2003}"),
    ]

    @Test(arguments: dotNetCases)
    func dotNet(_ text: String, _ full: String) throws {
        try expect(text, full, in: #"C:\git\runtime"#)
    }

    /// The result of the documented order of steps: dots and blanks are trimmed last.
    static let trimmedLastCases: [(String, String)] = [
        (#"C:\a..\."#, #"C:\a"#), (#"C:\a \x\.."#, #"C:\a"#), (#"C:\...\."#, #"C:\"#), (#"C:\a\ \x\.."#, #"C:\a\"#),
        (#"\\s\h. "#, #"\\s\h"#), ("//..", #"\\"#), (#"\\s. "#, #"\\s"#), (#"\\s\.."#, #"\\s\"#),
        (#"\\s.\h. \x\.."#, #"\\s.\h"#), (#"\\s\h. \"#, #"\\s\h. \"#), ("//a ", #"\\a"#),
        (#"\\s\h\a..\."#, #"\\s\h\a"#),
    ]

    @Test(arguments: trimmedLastCases)
    func trimmedLast(_ text: String, _ full: String) throws {
        try expect(text, full, in: #"C:\windows"#)
    }

    /// Not in any table: consequences of the rules.
    static let onAShareCases: [(String, String)] = [
        (#"\x"#, #"\\server\share\x"#), (#"\"#, #"\\server\share\"#), (#"..\..\..\x"#, #"\\server\share\x"#),
        ("x", #"\\server\share\dir\x"#), ("D:x", #"D:\data\x"#), ("d:", #"D:\data"#), ("E:", #"E:\"#),
        ("//a//b///c", #"\\a\b\c"#), ("//a//b/../../c", #"\\a\b\c"#),
        ("//a/../x", #"\\a\..\x"#), (#"\\a\nul"#, #"\\a\nul"#),
        (#"\\a\b\nul"#, #"\\a\b\nul"#),
    ]

    @Test(arguments: onAShareCases)
    func onAShare(_ text: String, _ full: String) throws {
        try expect(text, full, in: #"\\server\share\dir\"#, others: [#"D:\old"#, #"D:/x/..\data\"#])
    }

    @Test func aPathWithoutTextIsRefused() throws {
        let directories = try CurrentDirectories(#"C:\"#)
        for text in ["", " ", "   "] {
            #expect(throws: FullPathFault.empty) { try WindowsPath(text).fullPath(in: directories) }
        }
        #expect(throws: FullPathFault.holdsNUL(at: 4)) { try WindowsPath("C:\\a\u{0}b").fullPath(in: directories) }
        #expect(throws: FullPathFault.holdsNUL(at: 4)) { try WindowsPath("\\\\?\\\u{0}").fullPath(in: directories) }
    }

    @Test(arguments: [#"C:\"#, #"\\?\C:\"#]) func theLimitIsThatOfTheFullPath(_ root: String) throws {
        let directories = try CurrentDirectories(#"C:\directory"#)
        let rest = 32_767 - root.utf16.count
        let longest = root + String(repeating: "x", count: rest)
        #expect(try WindowsPath(longest).fullPath(in: directories).units.count == 32_767)
        #expect(throws: FullPathFault.tooLong(units: 32_768)) {
            try WindowsPath(longest + "x").fullPath(in: directories)
        }
        // The path as written may be longer or shorter.
        let detours = WindowsPath(#"C:\"# + String(repeating: #"x\..\"#, count: 8000))
        #expect(try detours.fullPath(in: directories) == #"C:\"#)
        #expect(throws: FullPathFault.tooLong(units: 32_773)) {
            try WindowsPath(String(repeating: "x", count: 32_760)).fullPath(in: directories)
        }
    }

    @Test(arguments: ["x", "C:x", #"\x"#, #"\\?\C:\x"#, #"\\.\C:\x"#, #"C:\nul"#, ""])
    func isNoCurrentDirectory(_ text: String) {
        #expect(throws: CurrentDirectoryFault.notOnDriveOrShare) { try CurrentDirectories(WindowsPath(text)) }
        #expect(throws: CurrentDirectoryFault.notOnDriveOrShare) {
            try CurrentDirectories(#"C:\"#, others: [WindowsPath(text)])
        }
    }

    @Test func currentDirectoriesAreResolved() throws {
        #expect(try CurrentDirectories(#"C:\a\..\b. \"#).current.description == #"C:\b. "#)
        #expect(try CurrentDirectories("c:/").current.description == #"c:\"#)
        #expect(try CurrentDirectories("//server/share/").current.description == #"\\server\share"#)
        #expect(throws: CurrentDirectoryFault.unresolved(.holdsNUL(at: 3))) { try CurrentDirectories("C:\\\u{0}") }
        #expect(throws: CurrentDirectoryFault.notOnDriveOrShare) {
            try CurrentDirectories(#"C:\"#, others: [#"\\server\share"#])
        }
        // A drive is the same in either case.
        let lower = try CurrentDirectories(#"C:\a"#, others: [#"d:\b"#])
        #expect(try WindowsPath("D:x").fullPath(in: lower).description == #"d:\b\x"#)
        // The current drive has one current directory.
        let directories = try CurrentDirectories(#"C:\a"#, others: [#"c:\b"#])
        #expect(try WindowsPath("C:x").fullPath(in: directories).description == #"C:\a\x"#)
    }
}
