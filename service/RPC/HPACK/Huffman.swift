// SPDX-License-Identifier: Apache-2.0

/// The Huffman code of header strings (RFC 7541, appendix B). The code is canonical, so the lengths of its words define it.
enum Huffman {
    /// How many bits each symbol takes, as a letter: a is 5. The last one is the end of a string.
    static let lengths = Array(
        """
        isxxxxxxxtzxxzxxxxxxxxzxxxxxxxxxbffhibdgffdgdbbbaaabbbbbbbcdkbhfibccccccccccccccccccccccdcdioijbkabababbbaccbbbabcba\
        abccccckgjixprpprrrsrssssststtrstssssqrsrsstrqprrssqsrrtqrssqqrqsrssprrrsrrsvvporsruvvvwwvtuoqvwwvwtqqvvxwwwptpqrqqsr\
        ruuttvsvwvvwwwwwxwwwwwvz
        """.utf8.map { Int($0) - 0x61 + 5 })
    private static let symbols = lengths.indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }

    /// All words of one length.
    private struct Row {
        /// The first of them.
        var first: Int
        var count: Int
        /// Where their symbols begin.
        var start: Int
    }

    private static let rows: [Row] = {
        var rows: [Row] = []
        var next = 0
        var start = 0
        for length in 0...30 {
            let count = lengths.count { $0 == length }
            rows.append(Row(first: next, count: count, start: start))
            (next, start) = ((next + count) << 1, start + count)
        }
        return rows
    }()

    /// By the next eight bits: the symbol that they begin with and its length; a length of 0 for longer words.
    private static let short: [(symbol: UInt8, length: UInt8)] = (0..<256).map { byte in
        for length in 5...8 {
            let offset = byte >> (8 - length) - rows[length].first
            if offset >= 0, offset < rows[length].count {
                return (UInt8(symbols[rows[length].start + offset]), UInt8(length))
            }
        }
        return (0, 0)
    }

    /// Nil where the text is no such code, or its padding is not the beginning of the longest word.
    static func decode(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(range.count * 8 / 5)
        let (short, rows, symbols) = (short, rows, symbols)
        var bits: UInt64 = 0
        var count = 0
        var at = range.lowerBound
        while true {
            while count <= 56, at < range.upperBound {
                bits = bits << 8 | UInt64(bytes[at])
                count += 8
                at += 1
            }
            guard count > 0 else { return result }
            if count >= 8 {
                let entry = short[Int(bits >> UInt64(count - 8) & 0xff)]
                if entry.length > 0 {
                    result.append(entry.symbol)
                    count -= Int(entry.length)
                    continue
                }
            }
            // Longer words, and what is at the end.
            var length = 5
            while true {
                guard length <= count, length <= 30 else {
                    // What is left is padding: fewer than eight bits, all ones.
                    let rest = bits & (1 << UInt64(count) - 1)
                    return count < 8 && rest == 1 << UInt64(count) - 1 ? result : nil
                }
                let offset = Int(bits >> UInt64(count - length) & (1 << UInt64(length) - 1)) - rows[length].first
                if offset >= 0, offset < rows[length].count {
                    let symbol = symbols[rows[length].start + offset]
                    guard symbol < 256 else { return nil }
                    result.append(UInt8(symbol))
                    count -= length
                    break
                }
                length += 1
            }
        }
    }
}
