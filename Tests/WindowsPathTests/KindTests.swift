// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

@Suite struct KindTests {
    static let guid = "Volume{0cb99483-72d5-3641-a339-60348E6B3540}"

    static let isThatOfTheStartCases: [(String, WindowsPath.Kind)] = [
        (#"C:\x"#, WindowsPath.Kind.driveAbsolute), ("c:/", .driveAbsolute), (#"1:\x"#, .driveAbsolute),
        ("é:/x", .driveAbsolute), (#"::\x"#, .driveAbsolute), ("C:", .driveRelative), ("C:x", .driveRelative),
        (#"z:..\x"#, .driveRelative), ("C: ", .driveRelative), (#"\"#, .rooted), ("/", .rooted), (#"\x"#, .rooted),
        (#"\:\x"#, .rooted), (#"\??"#, .rooted), (#"\??x"#, .rooted), ("/??/x", .rooted), (#"\.\x"#, .rooted),
        ("", .relative), ("x", .relative), (#"x\C:\y"#, .relative), ("CC:", .relative), (".", .relative),
        ("\u{1F600}:", .relative), (#"\\"#, .unc), ("//", .unc), (#"\\server\share\x"#, .unc), ("//server", .unc),
        (#"\/server/share"#, .unc), (#"\\.x"#, .unc), (#"\\?x"#, .unc), (#"\\..\x"#, .unc), (#"\\\.\x"#, .unc),
        (#"\\."#, .localDevice), (#"\\?"#, .localDevice), (#"\\.\"#, .localDevice), ("//./x", .localDevice),
        ("//?/C:/x", .localDevice), (#"\\?/C:\x"#, .localDevice), (#"/\?\C:\x"#, .localDevice),
        (#"//?/UNC/server/share"#, .localDevice), (#"\\.\UNC\server\share"#, .localDevice),
        (#"\\.\"# + guid, .localDevice), (#"\\?\"#, .verbatim), (#"\\?\C:\x"#, .verbatim), (#"\\?\UNC"#, .verbatim),
        (#"\\?\UNCx\y"#, .verbatim), (#"\\?\UNC\server\share"#, .verbatimUNC), (#"\\?\unc\"#, .verbatimUNC),
        (#"\\?\"# + guid, .volumeGUID), (#"\\?\"# + guid + #"\x"#, .volumeGUID),
        (#"\\?\"# + guid.uppercased() + #"\"#, .volumeGUID), (#"\\?\"# + guid + "x", .verbatim),
        (#"\\?\"# + guid + "/x", .verbatim), (#"\\?\Volume{0cb99483-72d5-3641-a339-60348e6b354}\"#, .verbatim),
        (#"\\?\Volume{0cb99483-72d5-3641-a339-60348e6b354g}\"#, .verbatim),
        (#"\\?\Volume{0cb99483+72d5-3641-a339-60348e6b3540}\"#, .verbatim), (#"\??\C:\x"#, .nt), (#"\??\"#, .nt),
    ]

    @Test(arguments: isThatOfTheStartCases)
    func isThatOfTheStart(_ text: String, _ kind: WindowsPath.Kind) {
        #expect(WindowsPath(text).kind == kind)
    }

    static let splitRootCases: [(String, String, String, String)] = [
        (#"C:\a\b"#, "C:", #"\"#, #"a\b"#), ("c:a", "c:", "", "a"), ("/a", "", "/", "a"), ("a/b", "", "", "a/b"),
        ("//server/share/a", "//server/share", "/", "a"), (#"\\server"#, #"\\server"#, "", ""),
        (#"\\server\\share"#, #"\\server\"#, #"\"#, "share"), (#"\\.\pipe\a"#, #"\\.\pipe"#, #"\"#, "a"),
        (#"\\?\UNC\s\h\a"#, #"\\?\UNC\s\h"#, #"\"#, "a"), (#"\\?\C:\a/b"#, #"\\?\C:"#, #"\"#, "a/b"),
        (#"\??\C:\a"#, "", #"\"#, #"??\C:\a"#),
    ]

    @Test(arguments: splitRootCases)
    func theRootIsSplitOff(_ text: String, _ drive: String, _ root: String, _ tail: String) {
        let parts = WindowsPath(text).splitRoot()
        let texts = [parts.drive, parts.root, parts.tail].map { String(decoding: $0, as: UTF16.self) }
        #expect(texts == [drive, root, tail])
    }
}
