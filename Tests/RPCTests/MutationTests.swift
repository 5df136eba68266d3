// SPDX-License-Identifier: Apache-2.0

import Expectations
import NIOCore
import Testing

@testable import RPC

/// Bytes that are nearly right. The same each time, so that a failure can be looked at.
@Suite(.timeLimit(.minutes(10))) struct MutationTests {
    private static let parts: [[UInt8]] = [
        Raw.call(1), Raw.call(3, "/test/EchoLater"), Raw.call(5, "/test/Bytes", "70000"), Raw.call(7, "/test/Hang"),
        Raw.call(9, "/test/Stream", "5,5000"), Raw.call(11, "/test/Fail", "5|x"), Raw.reset(7), Raw.window(0, 1_000),
        Raw.window(5, 1_000), Raw.settings([(4, 70_000), (3, 5), (1, 0)]), Raw.ping([1, 2, 3, 4, 5, 6, 7, 8]),
        Raw.frame(.priority, [], 1, [0, 0, 0, 0, 9]), Raw.headers(13, "/test/Echo", [("grpc-timeout", "10m")]),
        Raw.headers(15, "/test/Echo", flags: []) + Raw.frame(.continuation, .endHeaders, 15),
        Raw.frame(.headers, .endHeaders, 17, [0x83, 0x86, 0x44, 0x85, 1, 2, 3, 4, 5, 0xbe, 0x3f, 0x10]),
        Raw.headers(19, "/test/Echo") + Raw.data(19, Raw.message([1, 2, 3], length: 100_000), ended: false),
    ]

    @Test(arguments: 0..<20 as Range<UInt64>) func noMutationEndsTheServer(_ seed: UInt64) async throws {
        try await withServer { server in
            let good = server.client()
            defer { good.close() }
            var random = SeededRandom(seed)
            for _ in 0..<40 {
                var bytes = (0..<12).flatMap { _ in Self.parts.randomElement(using: &random) ?? [] }
                for _ in 0..<Int.random(in: 1...8, using: &random) {
                    let position = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
                    case 1: bytes[position] ^= 1 << UInt8.random(in: 0...7, using: &random)
                    case 2: bytes.remove(at: position)
                    default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
                    }
                }
                let peer = try await RawPeer(server.path)
                await peer.sendAndWait(bytes)
                let echo = try await good.unary("/test/Echo", [1], timeout: .seconds(60))
                #expect(echo == [1])
                await peer.close()
            }
            try await eventually("nothing is left of them") {
                try await server.server.connectionCount == 1 && server.gate.ended.count == server.gate.began
            }
            let held = try await server.server.heldBytes
            #expect(held == 0)
        }
    }

    /// Any bytes are a block or none. The table never grows beyond its size.
    @Test(arguments: 0..<10 as Range<UInt64>) func noBlockBreaksTheDecoder(_ seed: UInt64) {
        var random = SeededRandom(seed)
        let usual = Raw.block(Raw.fields("/test/Echo")) + [0x40] + Raw.block([("a", "b")]).dropFirst() + [0xbe, 0x82]
        for _ in 0..<300 {
            var decoder = HeaderDecoder(keepsOthers: Bool.random(using: &random))
            for _ in 0..<5 {
                var block = usual
                for _ in 0..<Int.random(in: 0...6, using: &random) {
                    block[Int.random(in: 0..<block.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                let isGood = decoder.decode(ByteBuffer(bytes: block), limit: 1 << 14) { _ in }
                #expect(decoder.tableState.size <= HeaderDecoder.tableSize)
                if !isGood { break }
            }
        }
    }
}
