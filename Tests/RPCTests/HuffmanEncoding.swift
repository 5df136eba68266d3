// SPDX-License-Identifier: Apache-2.0

@testable import RPC

/// Writes Huffman's code, which our own side never does. The words come from their lengths, as the code is canonical.
enum HuffmanEncoding {
    private static let lengths = Huffman.lengths

    private static let words: [Int] = {
        var words = [Int](repeating: 0, count: lengths.count)
        var next = 0
        for length in 1...30 {
            next <<= 1
            for symbol in lengths.indices where lengths[symbol] == length {
                words[symbol] = next
                next += 1
            }
        }
        return words
    }()

    static func encode(_ text: [UInt8]) -> [UInt8] {
        var bits: [Bool] = []
        for byte in text {
            for bit in stride(from: lengths[Int(byte)] - 1, through: 0, by: -1) {
                bits.append(words[Int(byte)] >> bit & 1 == 1)
            }
        }
        while bits.count % 8 != 0 { bits.append(true) }
        return stride(from: 0, to: bits.count, by: 8).map { start in
            bits[start..<start + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
    }
}
