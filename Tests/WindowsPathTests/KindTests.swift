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

    @Test func everyKindIsAbsoluteOrNot() {
        let absolute = [#"C:\x"#, "//server/share", "//./x", #"\\?\C:\x"#, #"\\?\UNC\s\h"#, #"\\?\"# + Self.guid]
        for text in absolute { #expect(WindowsPath(text).isAbsolute, "\(text)") }
        for text in ["C:x", #"\x"#, "x", "", #"\??\C:\x"#] { #expect(!WindowsPath(text).isAbsolute, "\(text)") }
        #expect(Set(absolute.map { WindowsPath($0).kind }).count == 6)
    }
}
