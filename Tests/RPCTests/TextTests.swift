// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import RPC

/// Frames' heads, and the texts of gRPC's headers.
@Suite struct TextTests {
    @Test func aFramesHeadIsWrittenAsItIsRead() {
        var random = SeededRandom(3)
        for _ in 0..<1_000 {
            let head = FrameHead(
                length: Int.random(in: 0..<1 << 24, using: &random),
                type: FrameType(rawValue: UInt8.random(in: 0...255, using: &random)),
                flags: FrameFlags(rawValue: UInt8.random(in: 0...255, using: &random)),
                stream: UInt32.random(in: 0...0x7fff_ffff, using: &random))
            var buffer = ByteBuffer()
            buffer.write(head)
            #expect(buffer.readableBytes == FrameHead.size && buffer.peekFrameHead() == head)
            #expect(buffer.getSlice(at: 0, length: 8)?.peekFrameHead() == nil)
        }
    }

    @Test func theReservedBitOfAStreamIsIgnored() {
        #expect(ByteBuffer(bytes: [0, 0, 0, 0, 0, 0x80, 0, 0, 5]).peekFrameHead()?.stream == 5)
    }

    @Test(
        arguments: [
            ("1n", 1), ("99999999n", 99_999_999), ("1u", 1_000), ("10m", 10_000_000), ("00000001S", 1_000_000_000),
            ("2M", 120_000_000_000), ("1H", 3_600_000_000_000), ("0S", 0), ("00000000H", 0),
        ] as [(String, Int64)]) func aTimeoutIsRead(_ text: String, _ nanoseconds: Int64)
    {
        #expect(CallTimeout.read(Array(text.utf8)) == .nanoseconds(nanoseconds))
    }

    @Test(arguments: ["99999999H", "99999999M", "99999999S"]) func aTimeoutOfYearsIsAsGoodAsNone(_ text: String) {
        #expect(CallTimeout.read(Array(text.utf8)).map { $0 >= .hours(24 * 365) } == true)
    }

    @Test(arguments: [
        "", "S", "1", "-1S", "-0S", "+1S", " 1S", "1S ", "1s", "1h", "1.5S", "0x1S", "100000000S", "1SS", "1S,2S", "٣S",
        "999999999n",
    ]) func whatIsNoTimeoutIsNotRead(_ text: String) {
        #expect(CallTimeout.read(Array(text.utf8)) == nil)
    }

    /// Never earlier, and at most eight digits.
    @Test func aTimeoutIsWrittenRoundedUp() throws {
        var random = SeededRandom(5)
        for _ in 0..<1_000 {
            let time = Int64.random(in: 1...Int64(1) << Int64.random(in: 1...54, using: &random), using: &random)
            let text = CallTimeout.write(.nanoseconds(time))
            let read = try #require(CallTimeout.read(Array(text.utf8)), "\(text)").nanoseconds
            #expect(read >= time && read <= time + max(time / 10_000, 0) + 1_000_000_000, "\(time) \(text)")
        }
        #expect(CallTimeout.write(.nanoseconds(-5)) == "1n")
    }

    @Test(arguments: ["", "plain", "100 %", "ä", "日本", "😀", "a\nb\r\0", "\u{7f}", "%41", "e\u{301}"])
    func aMessageSurvivesPercentEncoding(_ text: String) {
        let coded = PercentEncoding.encode(text, room: 1_000)
        #expect(coded.allSatisfy { (0x20...0x7e).contains($0) })
        #expect(PercentEncoding.decode(coded).utf8.elementsEqual(text.utf8))
    }

    @Test func aBadEscapeStandsForItself() {
        for text in ["%", "%4", "%zz", "a%", "%%"] { #expect(PercentEncoding.decode(Array(text.utf8)) == text) }
    }

    @Test func aLongMessageIsCutAtACharacter() {
        let coded = PercentEncoding.encode(String(repeating: "日", count: 100), room: 100)
        #expect(coded.count == 99 && PercentEncoding.decode(coded) == String(repeating: "日", count: 11))
    }

    @Test func bytesSurviveBase64() {
        var random = SeededRandom(9)
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let coded = Base64.encode(bytes)
            #expect(Base64.decode(coded) == bytes)
            let padding = [UInt8](repeating: UInt8(ascii: "="), count: (4 - coded.count % 4) % 4)
            #expect(Base64.decode(coded + padding) == bytes)
        }
        for text in ["a", "!!!!", "YQ=Q", "YQ===", "é"] { #expect(Base64.decode(Array(text.utf8)) == nil, "\(text)") }
    }
}
