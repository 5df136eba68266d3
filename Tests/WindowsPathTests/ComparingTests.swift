// SPDX-License-Identifier: Apache-2.0

import Testing
import WindowsPath

@Suite struct ComparingTests {
    static let areEqualCases: [(String, String)] = [
        (#"C:\Größe"#, #"c:\GRÖSSE"#.replacing("SS", with: "ß")), ("яблоко", "ЯБЛОКО"), ("", ""), ("ÿ", "Ÿ"),
        ("Σσ", "σΣ"),
    ]

    @Test(arguments: areEqualCases)
    func areEqual(_ a: String, _ b: String) {
        let (a, b) = (WindowsPath(a), WindowsPath(b))
        #expect(a == b && a.hashValue == b.hashValue && !(a < b) && !(b < a))
        #expect(a.isIdentical(to: b) == (a.units == b.units))
    }

    static let areDifferentCases: [(String, String)] = [
        ("ß", "SS"), ("ß", "ẞ"), ("ı", "I"), ("ſ", "S"), ("\u{212A}", "K"), ("ς", "Σ"), ("µ", "Μ"), ("é", "e\u{301}"),
        ("ﬁ", "FI"), ("a/b", #"a\b"#), ("a", "a."), ("a", "aa"), ("😀", "😁"), ("𐐨", "𐐀"),
    ]

    @Test(arguments: areDifferentCases)
    func areDifferent(_ a: String, _ b: String) {
        let (a, b) = (WindowsPath(a), WindowsPath(b))
        #expect(a != b && (a < b) != (b < a))
        #expect(Set([a, b]).count == 2)
    }

    @Test func theOrderIsThatOfUpperCaseUnits() {
        // "_" lies between the upper and the lower case; U+FF21 behind the surrogates of 😀.
        let names: [WindowsPath] = ["", "A", "a1", "B", "Z", "_", "É", "😀", "\u{FF21}"]
        #expect(names.shuffled().sorted() == names)
        #expect(WindowsPath("_") > "z" && WindowsPath("ａ") > "😀")
    }

    /// Every pair of a thousand paths that often differ in case alone.
    @Test func orderEqualityAndHashAgree() {
        var random = SeededGenerator(state: 7)
        let letters = Array("aAbBéÉßσςΣ_\u{212A}k".utf16) + [0xD800, 0xDC00]
        let paths = (0..<1000).map { _ in
            WindowsPath(
                units: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    letters[Int.random(in: letters.indices, using: &random)]
                })
        }
        var faults = 0
        for a in paths.prefix(150) {
            for b in paths {
                let relations = [a < b, a == b, b < a].count { $0 }
                let hashesAgree = a != b || a.hashValue == b.hashValue
                if relations != 1 || !hashesAgree { faults += 1 }
            }
        }
        #expect(faults == 0)
        let sorted = paths.sorted()
        #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0 <= $1 })
        #expect(Set(paths).count == Set(paths.map { $0.units.map(UpcaseTable.upcase) }).count)
    }
}
