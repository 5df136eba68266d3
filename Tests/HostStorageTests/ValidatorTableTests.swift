// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

/// The table of csi-proxy's own validator (pkg/server/filesystem/server.go and its tests), row by row, with
/// `C:\var\lib\kubelet` for the only working directory. Paths that the original accepts although it should not are
/// refused, and `a..b`, which it refuses although it need not, is accepted.
@Suite struct ValidatorTableTests {
    enum Verdict: Sendable, Equatable {
        case accepted
        case tooLong, leadingBackslash, invalidCharacters, notAbsolute, notWithin
        /// Accepted by the original, refused here with these errors.
        case weak(StorageError.Code, String)

        /// The code and the words of the refusal; nil for accepted paths.
        var refusal: (StorageError.Code, String)? {
            switch self {
            case .accepted: nil
            case .tooLong: (.invalidArgument, "exceeds maximum characters: 260")
            case .leadingBackslash: (.invalidArgument, #"invalid character \ at beginning of path: "#)
            case .invalidCharacters: (.invalidArgument, "path contains invalid characters: ")
            case .notAbsolute: (.invalidArgument, "not an absolute Windows path: ")
            case .notWithin: (.denied, "is not within the working directories: ")
            case .weak(let code, let words): (code, words)
            }
        }
    }

    static let base = #"C:\var\lib\kubelet"#

    static let rows: [(String, Verdict)] = [
        (base + #"\pods\pv1"#, .accepted),
        (base + #"\plugins\pv1"#, .accepted),
        (#"C:\foo\bar"#, .notWithin),
        (base + #"\plugins\csi-plugin\pv1:foo"#, .invalidCharacters),
        (base + #"\pods\pv1/foo"#, .invalidCharacters),
        (base + #"\plugins\csi-plugin\pv1*foo"#, .invalidCharacters),
        (base + #"\pv1?foo"#, .invalidCharacters),
        (base + #"\plugins\csi-plugin|pv1\foo"#, .invalidCharacters),
        (base + #"\pods\pv1\..\..\..\system32"#, .invalidCharacters),
        (#"\\csi-plugin\..\..\..\system32"#, .leadingBackslash),
        (#"pv1\foo"#, .notAbsolute),
        ("", .notAbsolute),
        (base, .accepted),
        (base + #"\"#, .accepted),
        (#"c:\VAR\LIB\KUBELET\x"#, .accepted),
        (#"C:\var\lib\kubelet-evil\x"#, .weak(.denied, "is not within the working directories: ")),
        (#"C:\var\lib\kubelet2"#, .weak(.denied, "is not within the working directories: ")),
        ("C:/var/lib/kubelet/x", .invalidCharacters),
        ("/var/lib/kubelet", .invalidCharacters),
        ("C:foo", .invalidCharacters),
        (#"\var\lib\kubelet\x"#, .leadingBackslash),
        (#"\\server\share\x"#, .leadingBackslash),
        (#"\\?\C:\var\lib\kubelet\x"#, .leadingBackslash),
        (#"\\.\pipe\x"#, .leadingBackslash),
        (#"D:\x"#, .notWithin),
        (base + #"\a..b"#, .accepted),
        (base + #"\a"b"#, .invalidCharacters),
        (base + #"\a<b>"#, .weak(.invalidArgument, "invalid characters")),
        (base + #"\a$(calc)"#, .weak(.invalidArgument, "invalid characters")),
        (base + #"\a;b&c"#, .weak(.invalidArgument, "invalid characters")),
        (base + #"\CON"#, .weak(.invalidArgument, "names the device CON")),
        (base + #"\x."#, .weak(.invalidArgument, "invalid characters")),
        (base + #"\x\.\y"#, .weak(.invalidArgument, "invalid characters")),
        (base + #"\\x"#, .weak(.invalidArgument, "invalid characters")),
        (base + "\\a\0b", .weak(.invalidArgument, "control character 0")),
        (base + #"\"# + String(repeating: "x", count: 241), .accepted),
        (base + #"\"# + String(repeating: "x", count: 242), .tooLong),
        (base + #"\"# + String(repeating: "ä", count: 125), .tooLong),
    ]

    @Test(arguments: rows) func holds(_ text: String, _ verdict: Verdict) throws {
        let policy = try PathPolicy(roots: [Self.base], dialect: .windows)
        if let (code, words) = verdict.refusal {
            expectError(code, words) { try policy.resolve(text) }
        } else {
            #expect(try policy.resolve(text).hostPath.hasPrefix("/var/lib/kubelet"))
        }
    }

    /// Where both spellings are taken, the Windows ones are treated alike; `/…` and paths without a drive are taken as
    /// POSIX paths.
    @Test(arguments: rows) func holdsInBothDialects(_ text: String, _ verdict: Verdict) throws {
        let policy = try PathPolicy(roots: [Self.base])
        let isPosix = text.hasPrefix("/")
        if let (code, words) = verdict.refusal, !isPosix {
            expectError(code, verdict == .notAbsolute ? "not an absolute path: " : words) { try policy.resolve(text) }
        } else {
            #expect(try policy.resolve(text).hostPath.hasPrefix("/var/lib/kubelet"))
        }
    }

    @Test func theLengthsOfTheTableAreThose() {
        let counts = Self.rows.suffix(3).map { ($0.0.count, $0.0.utf8.count) }
        #expect(counts.map(\.1) == [260, 261, 269])
        #expect(counts.last?.0 == 144)
    }

    /// An empty working directory would let every path through.
    @Test(arguments: PathDialect.allCases) func anEmptyWorkingDirectoryIsNone(_ dialect: PathDialect) {
        expectError(.invalidArgument) { try PathPolicy(roots: [""], dialect: dialect) }
        expectError(.invalidArgument) { try PathPolicy(roots: [Self.base, ""], dialect: dialect) }
    }
}
