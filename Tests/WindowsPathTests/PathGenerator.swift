// SPDX-License-Identifier: Apache-2.0

/// SplitMix64: small, and the same paths on every run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Makes paths of the parts that cause faults.
struct PathGenerator {
    private var random: SeededGenerator
    private let starts: [[UInt16]]
    private let pieces: [[UInt16]]
    private let pieceCount: ClosedRange<Int>

    /// - Parameter isPlain: whether to leave out parts that Win32 resolves by rules that ntpath does not have.
    init(seed: UInt64, isPlain: Bool = false) {
        random = SeededGenerator(state: seed)
        starts = isPlain ? Self.plainStarts : Self.starts
        pieces = isPlain ? Self.plainPieces : Self.pieces
        pieceCount = isPlain ? 2...7 : 1...7
    }

    private static let starts = [
        "", "", "", "C:", "c:", "D:", "C:\\", "c:/", "D:\\", "\\", "/", "\\\\", "//", "\\\\server\\share",
        "//server/share/", "\\\\SERVER\\Share\\", "\\\\.\\", "//./", "\\\\?\\", "//?/", "\\\\?\\C:\\", "\\\\?\\UNC\\",
        "\\\\?\\unc\\server\\share\\", "//?/UNC/server/share",
        "\\\\?\\Volume{0cb99483-72d5-3641-a339-60348e6b3540}\\", "\\??\\", "\\??\\C:\\", "\\\\.", "\\\\?", "1:\\", "::",
        "\u{E9}:", ":\\", "\\:\\",
    ].map { Array($0.utf16) }

    private static let pieces = [
        "\\", "\\", "\\", "/", "/", "\\\\", "//", "\\/", ".", ".", "..", "..", "...", " ", ". ", " .", ".. ", "a", "a",
        "A", "b", "B", "foo", "Foo", "foo.txt", "foo.tar.gz", ".hidden", "a.", "a..", "a ", "nul", "NUL", "nul.txt",
        "con", "con:", "aux ", "prn .x", "com1", "COM1.log", "com\u{B9}", "lpt\u{B3}.x", "LPT0", "com", "conin$",
        "CONOUT$", "con\u{131}n$", "C:", "c:", ":", "a:b", "a:b:$DATA", "*", "?", "<", ">", "|", "\"", "\t", "\u{0}",
        "\u{1F}", "\u{7F}", "server", "share", "UNC", "\u{E9}", "\u{C9}", "\u{DF}", "\u{1F600}", "\u{4E2D}", "\u{3C3}",
        "e\u{301}",
    ].map { Array($0.utf16) }

    private static let plainStarts = [
        "", "", "C:", "C:\\", "c:/", "D:\\", "\\", "\\\\server\\share\\", "//SERVER/share/", "\\\\server\\other\\",
    ].map { Array($0.utf16) }

    private static let plainPieces = [
        "\\", "\\", "\\", "/", "/", "//", "\\..\\", "/../", "\\.\\", "a", "A", "b", "foo", "Foo", "foo.txt",
        ".hidden", "current", "dir", "CURRENT\\DIR", "a b", "a:b", "*", "\"", "\t", "\u{E9}", "\u{C9}", "\u{DF}",
        "\u{1F600}", "\u{4E2D}", "com", "nul0", "x", "xy", "xyz", "-",
    ].map { Array($0.utf16) }

    /// A start and some pieces, or pieces alone; now and then units at random.
    mutating func path() -> [UInt16] {
        var units: [UInt16] = Bool.random(using: &random) ? pick(starts) : []
        for _ in 0..<Int.random(in: pieceCount, using: &random) {
            units += Int.random(in: 0..<12, using: &random) == 0 ? [unit()] : pick(pieces)
        }
        return units
    }

    /// A path that has something in common with another.
    mutating func relative(of path: [UInt16]) -> [UInt16] {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: return self.path()
        case 1: return path + pick(pieces) + pick(pieces)
        case 2: return path.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 == 0x2F ? 0x5C : $0 }
        default: return path.prefix(Int.random(in: 0...path.count, using: &random)) + pick(pieces)
        }
    }

    private mutating func pick(_ pieces: [[UInt16]]) -> [UInt16] {
        pieces[Int.random(in: pieces.indices, using: &random)]
    }

    /// ASCII, Latin-1 letters, halves of surrogate pairs, letters that are folded oddly.
    private mutating func unit() -> UInt16 {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: [0x130, 0x3C2, 0x212A][Int.random(in: 0..<3, using: &random)]
        case 1...4: .random(in: 0xC0...0xFF, using: &random)
        case 5...9: .random(in: 0xD800...0xDBFF, using: &random)
        case 10...14: .random(in: 0xDC00...0xDFFF, using: &random)
        default: .random(in: 0...0x7F, using: &random)
        }
    }
}
