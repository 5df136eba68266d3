// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import RPC

/// Header blocks (RFC 7541).
@Suite struct HPACKTests {
    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    /// The fields of a block; nil where it is malformed.
    private static func decode(_ decoder: inout HeaderDecoder, _ block: [UInt8]) -> [String]? {
        var fields: [String] = []
        let isGood = decoder.decode(ByteBuffer(bytes: block), limit: 1 << 20) {
            fields.append("\(String(decoding: $0.text, as: UTF8.self)): \(String(decoding: $0.value, as: UTF8.self))")
        }
        return isGood ? fields : nil
    }

    private static func decode(_ block: [UInt8]) -> [String]? {
        var decoder = HeaderDecoder(keepsOthers: true)
        return decode(&decoder, block)
    }

    struct Example: Sendable, CustomTestStringConvertible {
        var testDescription: String
        /// Blocks in hexadecimal, each with its fields, and the number and size of the table's fields after it.
        var blocks: [(hex: String, fields: [String], count: Int, size: Int)]
    }

    /// Appendix C, but for those of tables of 256 bytes, which no peer can ask a server of ours for.
    static let appendixC: [Example] = [
        Example(
            testDescription: "C.2.1 literal with indexing",
            blocks: [
                (
                    "400a637573746f6d2d6b65790d637573746f6d2d686561646572", ["custom-key: custom-header"], 1, 55
                )
            ]),
        Example(
            testDescription: "C.2.2 literal without indexing",
            blocks: [("040c2f73616d706c652f70617468", [":path: /sample/path"], 0, 0)]),
        Example(
            testDescription: "C.2.3 literal never indexed",
            blocks: [("100870617373776f726406736563726574", ["password: secret"], 0, 0)]),
        Example(testDescription: "C.2.4 indexed", blocks: [("82", [":method: GET"], 0, 0)]),
        Example(
            testDescription: "C.3 requests without Huffman",
            blocks: [
                (
                    "828684410f7777772e6578616d706c652e636f6d",
                    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"], 1, 57
                ),
                (
                    "828684be58086e6f2d6361636865",
                    [
                        ":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com",
                        "cache-control: no-cache",
                    ], 2, 110
                ),
                (
                    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
                    [
                        ":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com",
                        "custom-key: custom-value",
                    ], 3, 164
                ),
            ]),
        Example(
            testDescription: "C.4 requests with Huffman",
            blocks: [
                (
                    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
                    [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"], 1, 57
                ),
                (
                    "828684be5886a8eb10649cbf",
                    [
                        ":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com",
                        "cache-control: no-cache",
                    ], 2, 110
                ),
                (
                    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
                    [
                        ":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com",
                        "custom-key: custom-value",
                    ], 3, 164
                ),
            ]),
    ]

    @Test(arguments: appendixC) func theExamplesOfAppendixC(_ example: Example) {
        var decoder = HeaderDecoder(keepsOthers: true)
        for block in example.blocks {
            #expect(Self.decode(&decoder, Self.bytes(block.hex)) == block.fields)
            #expect(decoder.tableState == (block.count, block.size))
        }
    }

    /// C.5 and C.6: responses with evictions. The table of 256 bytes comes by an update of its size.
    @Test(arguments: [
        [
            "3fe101"
                + "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        ],
        [
            "3fe101"
                + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    ]) func theExamplesOfAppendixCWithEvictions(_ blocks: [String]) {
        var decoder = HeaderDecoder(keepsOthers: true)
        let (date, location) = ("date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com")
        #expect(
            Self.decode(&decoder, Self.bytes(blocks[0])) == [
                ":status: 302", "cache-control: private", date, location,
            ])
        #expect(decoder.tableState == (4, 222))
        #expect(
            Self.decode(&decoder, Self.bytes(blocks[1])) == [
                ":status: 307", "cache-control: private", date, location,
            ])
        #expect(decoder.tableState == (4, 222))
        #expect(
            Self.decode(&decoder, Self.bytes(blocks[2])) == [
                ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", location,
                "content-encoding: gzip",
                "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
            ])
        #expect(decoder.tableState == (3, 215))
    }

    /// RFC 7541, C.1: integers, here as sizes of the table and lengths.
    @Test func integersOfAllLengths() {
        var decoder = HeaderDecoder(keepsOthers: true)
        #expect(Self.decode(&decoder, [0x2a]) == [])
        #expect(Self.decode(&decoder, [0x3f, 0x9a, 0x0a]) == [])  // 1337
        #expect(Self.decode(&decoder, [0x3f, 0xe1, 0x1f]) == [])  // 4096
        for length in [0, 1, 126, 127, 128, 254, 255, 256, 16_000] {
            let value = String(repeating: "v", count: length)
            #expect(Self.decode(&decoder, Raw.block([("x", value)])) == ["x: \(value)"])
        }
    }

    @Test(arguments: [
        ("index 0", "80"), ("an index beyond the table", "be"), ("a huge index", "ffffffff0f"),
        ("an integer without end", "ffffffffffffffffff"), ("an integer that is cut off", "ff"),
        ("a name that is cut off", "400a6375"), ("a value that is cut off", "40016105"),
        ("a literal without a value", "4001"), ("a table of more than 4096 bytes", "3fe21f"),
        ("a table of 4 GiB", "3fe1ffffff0f"), ("three sizes of the table", "202020"),
        ("a size of the table after a field", "8220"), ("an unknown name by index", "7f80ffff7f"),
        ("Huffman: the end of a string as a symbol", "40016184ffffffff"),
        ("Huffman: a padding of zeros", "4001618100"),
        ("Huffman: a padding of eight bits", "40016182ffff"),
    ]) func whatIsMalformedEndsTheConnection(_ name: String, _ hex: String) {
        #expect(Self.decode(Self.bytes(hex)) == nil, "\(name)")
    }

    /// Every symbol, as its word and with padding of every length.
    @Test func everyByteSurvivesHuffman() throws {
        for text in [Array(0...255), Array(repeating: 0, count: 50), Array("grpc-status".utf8), []] as [[UInt8]] {
            let coded = HuffmanEncoding.encode(text)
            var decoder = HeaderDecoder(keepsOthers: true)
            var value: [UInt8]?
            let length = coded.count < 127 ? [UInt8(0x80 | coded.count)] : Self.longLength(coded.count)
            let isGood = decoder.decode(ByteBuffer(bytes: [0, 1, 0x61] + length + coded), limit: 1 << 20) {
                value = $0.value
            }
            #expect(isGood && value == text)
        }
    }

    private static func longLength(_ count: Int) -> [UInt8] {
        var rest = count - 127
        var bytes: [UInt8] = [0xff]
        while rest >= 128 {
            bytes.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// The table of the decoder is the encoder's, also after evictions: many fields of many sizes.
    @Test func theTableForgetsTheOldestFirst() {
        var decoder = HeaderDecoder(keepsOthers: true)
        var model: [(name: String, value: String)] = []
        var random = SeededRandom(7)
        for round in 0..<500 {
            let field = (
                name: "n\(round)", value: String(repeating: "v", count: Int.random(in: 0...900, using: &random))
            )
            var block: [UInt8] = [0x40]
            block += Raw.block([(field.name, field.value)]).dropFirst()
            #expect(Self.decode(&decoder, block) == ["\(field.name): \(field.value)"])
            model.insert(field, at: 0)
            while model.reduce(0, { $0 + 32 + $1.name.utf8.count + $1.value.utf8.count }) > 4096 { model.removeLast() }
            #expect(decoder.tableState.count == model.count)
            let index = Int.random(in: 0..<model.count, using: &random)
            #expect(
                Self.decode(&decoder, [0x80 | UInt8(62 + index)]) == ["\(model[index].name): \(model[index].value)"])
        }
    }

    /// A server keeps no value of a field that it does not look at, and no more of any than the limit.
    @Test func aServerKeepsWhatItLooksAt() {
        var decoder = HeaderDecoder(keepsOthers: false)
        var kept = 0
        var seen = 0
        let field: [UInt8] = [0x40] + Raw.block([("x", String(repeating: "v", count: 3_000))]).dropFirst()
        let isGood = decoder.decode(ByteBuffer(bytes: field + [UInt8](repeating: 0xbe, count: 10_000)), limit: 16_384) {
            kept += $0.value.count + $0.text.count
            seen += 1
        }
        #expect(isGood && kept == 0 && seen < 10)
    }
}
