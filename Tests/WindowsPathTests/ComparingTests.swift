// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

@Suite struct ComparingTests {
    @Test(arguments: [
        (#"C:\Größe"#, #"c:\GRÖßE"#), ("яблоко", "ЯБЛОКО"), ("", ""), ("ÿ", "Ÿ"), ("Σσ", "σΣ"),
    ])
    func areEqual(_ a: String, _ b: String) { #expect(WindowsPath(a) == WindowsPath(b)) }

    @Test(arguments: [
        ("ß", "SS"), ("ß", "ẞ"), ("ı", "I"), ("ſ", "S"), ("\u{212A}", "K"), ("ς", "Σ"), ("µ", "Μ"), ("é", "e\u{301}"),
        ("ﬁ", "FI"), ("a/b", #"a\b"#), ("a", "a."), ("a", "aa"), ("😀", "😁"), ("𐐨", "𐐀"),
    ])
    func areDifferent(_ a: String, _ b: String) {
        #expect(WindowsPath(a) != WindowsPath(b) && WindowsPath(b) != WindowsPath(a))
    }

    @Test func unitsAreKept() {
        for text in ["", #"C:\größe\中文\😀"#, "a\u{0}b", "\u{FFFF}\u{10FFFF}", "e\u{301}", "\u{FFFD}"] {
            #expect(WindowsPath(text).units == Array(text.utf16))
        }
    }
}
