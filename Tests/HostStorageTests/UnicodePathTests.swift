// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

/// Swift compares and splits characters; kernels compare and split bytes. A combining mark behind a
/// separator makes one character of both, and two spellings of "é" are equal strings of unequal bytes.
@Suite struct UnicodePathTests {
    let policy: PathPolicy

    init() throws { policy = try PathPolicy(roots: ["/var/lib/kubelet"]) }

    @Test func acombiningMarkHidesNoParentDirectory() {
        let mark = "\u{301}"
        for text in [
            // A separator, the mark, and a way up that follows a separator of its own.
            "/var/lib/kubelet/\(mark)/../..", "/var/lib/kubelet/x/\(mark)x/../../../etc",
            "/var/lib/kubelet/..\(mark)/../etc", "/\(mark)../../etc/../..",
            #"C:\var\lib\kubelet\\#(mark)\..\.."#, #"C:\var\lib\kubelet\\#(mark).."#,
            #"C:\var\lib\kubelet\..\#(mark)\.."#,
        ] {
            expectError(.invalidArgument) { try policy.resolve(text) }
        }
    }

    @Test func aNameOfDotsAndAMarkIsANameOfItsOwn() throws {
        let mark = "\u{301}"
        for name in ["..\(mark)", "\(mark)..", "\(mark)"] {
            let path = try policy.resolve("/var/lib/kubelet/\(name)/x")
            #expect(path.components.map { Array($0.utf8) } == [Array(name.utf8), [0x78]])
        }
        let path = try policy.resolve(#"C:\var\lib\kubelet\..\#(mark)"#)
        #expect(path.components.map { Array($0.utf8) } == [Array("..\(mark)".utf8)])
    }

    @Test func everyComponentIsCleanWithAnyMarksStrewnIn() throws {
        let marks = ["", "\u{301}", "\u{20DD}", "\u{200D}", "\u{FE0F}", "\u{1F3FB}"]
        let parts = ["..", ".", "a", "", "/", "\\"]
        var accepted = 0
        for first in parts {
            for second in parts {
                for mark in marks {
                    for text in [
                        "/var/lib/kubelet/\(first)\(mark)/\(mark)\(second)",
                        #"C:\var\lib\kubelet\\#(first)\#(mark)\\#(mark)\#(second)"#,
                    ] {
                        guard let path = try? policy.resolve(text) else { continue }
                        accepted += 1
                        for component in path.components {
                            let bytes = Array(component.utf8)
                            #expect(!bytes.isEmpty && bytes != [0x2E] && bytes != [0x2E, 0x2E], "\(text)")
                            #expect(!bytes.contains(0x2F) && !bytes.contains(0x5C), "\(text)")
                        }
                    }
                }
            }
        }
        #expect(accepted > 50)
    }

    /// Both are "é" and equal to Swift; the second is an e and a mark.
    static let (composed, decomposed) = ("\u{E9}", "e\u{301}")

    @Test func aRootHasOneSpellingInBytes() throws {
        #expect(Self.composed == Self.decomposed)
        let policy = try PathPolicy(roots: ["/data/\(Self.composed)"])
        #expect(try policy.resolve("/data/\(Self.composed)/x").name == "x")
        expectError(.denied) { try policy.resolve("/data/\(Self.decomposed)/x") }
        expectError(.denied) { try policy.resolve(#"C:\data\\#(Self.decomposed)\x"#) }
        expectError(.denied) { try policy.place(hostPath: "/data/\(Self.decomposed)/x") }
    }

    @Test func pathsOfDifferentBytesAreDifferentPaths() throws {
        let a = try policy.resolve("/var/lib/kubelet/\(Self.composed)")
        let b = try policy.resolve("/var/lib/kubelet/\(Self.decomposed)")
        #expect(a != b)
        #expect(Set([a, b]).count == 2)
        #expect(Array("\(a)".utf8) != Array("\(b)".utf8), "the text is handed on as it came")
        #expect(try policy.resolve("/var/lib/kubelet/\(Self.composed)") == a)

        let first = try PathPolicy(roots: ["/\(Self.composed)"]).resolve("/\(Self.composed)/x")
        let second = try PathPolicy(roots: ["/\(Self.decomposed)"]).resolve("/\(Self.decomposed)/x")
        #expect(first != second)
    }

    @Test func theRootFoldsAsNTFSFoldsNames() throws {
        let policy = try PathPolicy(roots: ["/data/stra\u{DF}e/\u{E9}K"])
        #expect(try policy.resolve("C:\\DATA\\stra\u{DF}e\\\u{C9}k\\X").components == ["X"])
        // The Kelvin sign lowers to "k", and "SS" is a capital sharp s.
        for text in ["C:\\data\\stra\u{DF}e\\\u{E9}\u{212A}\\x", "C:\\data\\STRASSE\\\u{E9}k\\x"] {
            expectError(.denied) { try policy.resolve(text) }
        }
    }
}
