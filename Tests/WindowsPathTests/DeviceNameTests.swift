// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

/// Which last names are devices: the results of Wine's tests of `RtlIsDosDeviceName_U` on Windows.
@Suite struct DeviceNameTests {
    static let isADeviceCases: [(String, String)] = [
        (#"c:\nul:"#, "nul"), (#"c:\nul::"#, "nul"), (#"c:\nul::::::"#, "nul"), ("c:prn     ", "prn"),
        ("c:prn.......", "prn"), ("c:prn... ...", "prn"), ("c:NUL  ....  ", "NUL"), ("c:nul. . . :", "nul"),
        ("c:nul . . :", "nul"), ("c:prn:aaa", "prn"), ("c:PRN:.txt", "PRN"), ("c:aux:.txt...", "aux"),
        ("c:prn:.txt:", "prn"), ("c:nul:aaa", "nul"), ("con:", "con"), ("lpt1:", "lpt1"), ("c:com5:", "com5"),
        ("CoM4:", "CoM4"), ("lpt9:", "lpt9"), ("CONIN$", "CONIN$"), ("conout$.x", "conout$"), ("CON", "CON"),
        (#"\??\CONIN$"#, "CONIN$"), (#"\??\CON"#, "CON"), (#"\windows\nul"#, "nul"), (#"C:\con\con"#, "con"),
        ("C:NUL.", "NUL"), (#"a/b\AUX .txt"#, "AUX"),
    ]

    @Test(arguments: isADeviceCases)
    func isADevice(_ text: String, _ device: String) throws {
        let directories = try CurrentDirectories(#"C:\windows"#)
        #expect(try WindowsPath(text).fullPath(in: directories).description == #"\\.\"# + device)
    }

    @Test(arguments: [
        #"\\foo\nul"#, #"\\foo\bar\nul"#, #"c:\nul\"#, #"c:\nul\foo"#, "c: . . .", "c:", " . . . :", ":", "c:nul0",
        #"c:\lpt0.txt"#, "CONERR$", "PIPE", #"\\.\CON2"#, " nul", "nu l", "c:nul\u{A0}", "com\u{2074}", "com12",
        "con\u{131}n$", "co", "com", "lpt", "conin", "nul\\..",
        // The documentation of GetFullPath has a device here, but the last name decides.
        #"COM1.TXT\file1.txt"#,
    ])
    func isNone(_ text: String) throws {
        let directories = try CurrentDirectories(#"C:\windows"#)
        let full = try WindowsPath(text).fullPath(in: directories).description
        #expect(!full.hasPrefix(#"\\.\"#) || text.hasPrefix(#"\\.\"#), "\(full)")
    }

    @Test func amongDevicesNoNameIsSpecial() throws {
        let directories = try CurrentDirectories(#"C:\windows"#)
        for text in [#"\\.\CON"#, #"\\.\C:\nul"#, #"\\?\C:\nul"#, #"\\.\CONIN$"#] {
            #expect(try WindowsPath(text).fullPath(in: directories).description == text)
        }
    }
}
