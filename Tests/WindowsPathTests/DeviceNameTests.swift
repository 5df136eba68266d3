// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

/// Which names are devices: the results of Wine's tests of `RtlIsDosDeviceName_U` on Windows, but for names with a colon,
/// which no file has.
@Suite struct DeviceNameTests {
    @Test(arguments: [
        "prn     ", "prn.......", "prn... ...", "NUL  ....  ", "CONIN$", "conout$.x", "CON", "NUL.", "AUX .txt", "nul",
        "com5", "CoM4", "lpt9",
    ])
    func isADevice(_ text: String) {
        #expect(throws: NameFault.device) { try FileNameTests.check(text) }
    }

    @Test(arguments: [
        "nul0", "lpt0.txt", "CONERR$", "PIPE", " nul", "nu l", "nul\u{A0}", "com\u{2074}", "com12", "con\u{131}n$",
        "co",
        "com", "lpt", "conin",
    ])
    func isNone(_ text: String) {
        #expect(throws: Never.self) { try FileNameTests.check(text) }
    }

    @Test func fromWindows11OnNULAloneIsADevice() {
        #expect(throws: NameFault.device) { try FileNameTests.check("Nul", .windows11) }
        for text in ["nul.txt", "con", "com1", "CONIN$"] {
            #expect(throws: Never.self) { try FileNameTests.check(text, .windows11) }
        }
    }
}
