// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import RPC

/// What holds of every connection, for all bytes of its peer: the answers are frames, every call that began has ended
/// once, and nothing is left of it.
enum ConnectionInvariants {
    static func check(_ bytes: ArraySlice<UInt8>, pieces: Int) {
        do {
            try tryCheck(bytes, pieces: pieces)
        } catch {
            fatalError("the channel in memory fails: \(error)")
        }
    }

    private static func tryCheck(_ bytes: ArraySlice<UInt8>, pieces: Int) throws {
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(loop: loop)
        let server = Server(on: loop) { _ in Peer(pid: 1, uid: 1, gid: 1) }
        let gate = CountingGate()
        let echo = Method("/test/Echo") { (_, request) throws(Status) in .now(request) }
        let each = Method.each("/test/Each", limit: 1_000) { (_, request) throws(Status) in request }
        try server.serve(Endpoint([echo, each], gate: gate), over: channel, of: Peer(pid: 1, uid: 1, gid: 1))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/fuzz")).wait()
        let greeting = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        try channel.writeInbound(ByteBuffer(bytes: greeting))
        let size = max(bytes.count / pieces, 1)
        var rest = bytes
        while !rest.isEmpty, channel.isActive {
            try channel.writeInbound(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
            loop.advanceTime(by: .milliseconds(1))
        }
        // Longer than anything is waited for.
        for _ in 0..<200 { loop.advanceTime(by: .seconds(1)) }
        try checkAnswers(of: channel)
        if channel.isActive { try channel.close().wait() }
        loop.run()
        precondition(server.isUnused, "something is left of the connection")
        precondition(gate.began == gate.ended, "\(gate.began) calls began, \(gate.ended) have ended")
    }

    private static func checkAnswers(of channel: EmbeddedChannel) throws {
        var answers = ByteBuffer()
        while var part = try channel.readOutbound(as: ByteBuffer.self) { answers.writeBuffer(&part) }
        while let head = answers.peekFrameHead() {
            precondition(head.length <= 1 << 16 && head.type.rawValue <= 9, "\(head)")
            answers.moveReaderIndex(forwardBy: FrameHead.size)
            precondition(answers.readSlice(length: head.length) != nil, "a frame is cut off")
        }
        precondition(answers.readableBytes == 0, "a head is cut off")
    }
}

/// Counts calls.
// Unchecked: all of it runs on the fuzzer's one thread.
final class CountingGate: Gate, @unchecked Sendable {
    private(set) var began = 0
    private(set) var ended = 0

    func began(_ call: Call) { began += 1 }
    func ended(_ call: Call, _ code: StatusCode) { ended += 1 }
}
