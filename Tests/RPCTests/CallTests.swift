// SPDX-License-Identifier: Apache-2.0

import Expectations
import NIOCore
import NIOPosix
import Testing

@testable import RPC

/// Calls between our client and our server.
@Suite(.timeLimit(.minutes(10))) struct CallTests {
    @Test(arguments: ["/test/Echo", "/test/EchoLater"]) func aCallIsAnswered(_ method: String) async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            for size in [0, 1, 1_000, 16_379, 16_380, 65_530, 65_531, 1 << 20, 4 << 20] {
                let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
                let response = try await client.unary(method, message)
                #expect(response == message)
            }
            #expect(server.gate.ended.allSatisfy { $0 == .ok } && server.gate.ended.count == server.gate.began)
            let held = try await server.server.heldBytes
            #expect(held == 0)
        }
    }

    @Test func manyCallsAreUnderWayAtOnce() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                // More than there are places on a connection.
                for number in 0..<400 {
                    group.addTask {
                        let text = Array("\(number)".utf8)
                        return try await client.unary(number % 2 == 0 ? "/test/Echo" : "/test/EchoLater", text) == text
                    }
                }
                for try await isSame in group { #expect(isSame) }
            }
            #expect(try await server.server.connectionCount == 1)
        }
    }

    @Test(arguments: StatusCode.allCases.dropFirst()) func everyStatusArrives(_ code: StatusCode) async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            for text in ["", "a reason", "100 %: 日本\n😀", String(repeating: "ä", count: 600)] {
                let error = await #expect(throws: Status.self) {
                    try await client.unary("/test/Fail", Array("\(code.rawValue)|\(text)".utf8))
                }
                #expect(error?.code == code && error?.message == text)
                #expect(error?[trailer: "test-code"] == Array("a code".utf8))
                #expect(error?[trailer: "grpc-status-details-bin"] == [0, 255, 1, 254, 2])
            }
        }
    }

    @Test func aMethodThatIsNotThereIsUnimplemented() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            for path in ["/test/None", "/", "/test", "/test/Echo/", "/TEST/Echo"] {
                let error = await #expect(throws: Status.self) { try await client.unary(path, []) }
                #expect(error?.code == .unimplemented, "\(path)")
            }
            #expect(server.gate.unknown == 5 && server.gate.began == 0)
        }
    }

    @Test func aMessageOverFourMebibytesIsRefused() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let request = await #expect(throws: Status.self) {
                try await client.unary("/test/Echo", [UInt8](repeating: 1, count: 4 << 20 + 1))
            }
            #expect(request?.code == .resourceExhausted)
            let response = await #expect(throws: Status.self) {
                try await client.unary("/test/Bytes", Array("\(4 << 20 + 1)".utf8))
            }
            #expect(response?.code == .resourceExhausted)
            let echo = try await client.unary("/test/Echo", [1])
            #expect(echo == [1])
        }
    }

    // MARK: deadlines and cancellation

    @Test(arguments: ["1m", "90m", "90000u", "90000000n", "99999999n", "1S", "00000001S"])
    func aDeadlineEndsTheCallInAllUnits(_ timeout: String) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Hang", [("grpc-timeout", timeout)]), Raw.data(1, Raw.message([])))
            #expect(try await peer.end(of: 1) == .status(StatusCode.deadlineExceeded.rawValue))
            #expect(server.gate.ended == [.deadlineExceeded])
            try await eventually("its task is cancelled") { server.methods.cancelled == server.methods.started }
        }
    }

    @Test(arguments: ["-1S", "", "S", "1", "1s", "123456789S", "+1S", "1.5S"])
    func aTimeoutThatCannotBeReadIsAnInvalidArgument(_ timeout: String) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Echo", [("grpc-timeout", timeout)]), Raw.data(1, Raw.message([])))
            #expect(try await peer.end(of: 1) == .status(StatusCode.invalidArgument.rawValue))
        }
    }

    @Test(arguments: [("1S", "-1S"), ("1S", "1S"), ("", "")])
    func twoTimeoutsAreAnInvalidArgument(_ first: String, _ second: String) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(
                Raw.headers(1, "/test/Echo", [("grpc-timeout", first), ("grpc-timeout", second)]),
                Raw.data(1, Raw.message([])))
            #expect(try await peer.end(of: 1) == .status(StatusCode.invalidArgument.rawValue))
        }
    }

    @Test func aTimeoutOfNothingIsOverAtOnce() async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.headers(1, "/test/Echo", [("grpc-timeout", "0S")]))
            #expect(try await peer.end(of: 1) == .status(StatusCode.deadlineExceeded.rawValue))
        }
    }

    @Test func theClientsDeadlineEndsTheCallOnBothSides() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let error = await #expect(throws: Status.self) {
                try await client.unary("/test/Hang", [], timeout: .milliseconds(50))
            }
            #expect(error?.code == .deadlineExceeded)
            try await eventually("the server's call ends") { server.gate.ended.count == 1 }
            try await eventually("its task is cancelled") { server.methods.cancelled == server.methods.started }
            let echo = try await client.unary("/test/Echo", [1], timeout: .seconds(60))
            #expect(echo == [1])
        }
    }

    @Test func aCancelledTaskCancelsItsCall() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let call = Task { try await client.unary("/test/Hang", []) }
            try await eventually("the call has begun") { server.methods.started == 1 }
            call.cancel()
            let error = await #expect(throws: Status.self) { _ = try await call.value }
            #expect(error?.code == .cancelled)
            try await eventually("the server's task is cancelled") { server.methods.cancelled == 1 }
            #expect(server.gate.ended == [.cancelled])
        }
    }

    /// At every moment of a call's life.
    @Test func callsThatAreCancelledEarlyLeaveNothing() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            await withTaskGroup { group in
                for number in 0..<300 {
                    group.addTask {
                        let call = Task { try await client.unary("/test/Hang", []) }
                        try? await Task.sleep(for: .microseconds(number * 37 % 3_000))
                        call.cancel()
                        _ = await call.result
                    }
                }
            }
            let echo = try await client.unary("/test/Echo", [1])
            #expect(echo == [1])
            try await eventually("all have ended") {
                server.methods.cancelled == server.methods.started && server.gate.ended.count == server.gate.began
            }
        }
    }

    /// With any code: a reset without an error is a cancellation too, and counts as the end of its call.
    @Test(arguments: [UInt32(0), 1, 8, 99, 0xffff_ffff]) func aResetCancelsItsCall(_ code: UInt32) async throws {
        try await withServer { server in
            let peer = try await RawPeer(server.path)
            peer.send(Raw.call(1, "/test/Hang"))
            try await eventually("the call has begun") { server.methods.started == 1 }
            peer.send(Raw.reset(1, code))
            try await eventually("its task is cancelled") { server.methods.cancelled == 1 }
            #expect(server.gate.ended == [.cancelled])
        }
    }

    // MARK: streams

    @Test(arguments: [(0, 0), (1, 0), (3, 10), (1_000, 100), (20, 100_000), (3, 4 << 20)])
    func aStreamArrivesWhole(_ count: Int, _ size: Int) async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            var received = 0
            for try await message in client.responses("/test/Stream", Array("\(count),\(size)".utf8)) {
                #expect(message.count == size && message.allSatisfy { $0 == UInt8(truncatingIfNeeded: received) })
                received += 1
            }
            #expect(received == count)
        }
    }

    @Test func aStreamsErrorComesAfterItsMessages() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            var received = 0
            do {
                for try await _ in client.responses("/test/Stream", Array("3,10,1".utf8)) { received += 1 }
                Issue.record("it has no error")
            } catch let error as Status {
                #expect(error.code == .aborted && error.message == "enough")
            }
            #expect(received <= 3)
        }
    }

    /// The windows are 64 KiB and the buffer before them 32.
    @Test func aSenderWaitsForItsReader() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let responses = client.responses("/test/Stream", Array("10000,1000".utf8))
            var messages = responses.makeAsyncIterator()
            _ = try await messages.next(isolation: nil)
            try await eventually("the sender has sent what there is room for") { server.methods.sent > 50 }
            try await Task.sleep(for: .milliseconds(300))
            #expect(server.methods.sent < 500)
            for _ in 0..<5_000 { _ = try await messages.next(isolation: nil) }
            #expect(server.methods.sent > 4_900)
            _ = responses
        }
    }

    @Test func aReaderThatLeavesEndsTheStream() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            for try await _ in client.responses("/test/Stream", Array("1000000,1000".utf8)) { break }
            try await eventually("the server's call ends") { server.gate.ended == [.cancelled] }
            #expect(server.methods.sent < 1_000)
            let held = try await server.server.heldBytes
            #expect(held == 0)
        }
    }

    /// A stream that is not read takes no window from the others for ever.
    @Test func aStreamThatIsNotReadHoldsUpNoOther() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let unread = client.responses("/test/Stream", Array("100000,1000".utf8))
            for _ in 0..<20 {
                let bytes = try await client.unary("/test/Bytes", Array("200000".utf8))
                #expect(bytes.count == 200_000)
            }
            _ = unread
        }
    }

    // MARK: the client and a server that goes

    @Test func theClientComesBackAfterItsServerHasEnded() async throws {
        let first = try await RunningServer()
        let client = first.client()
        defer { client.close() }
        let echo = try await client.unary("/test/Echo", [1])
        #expect(echo == [1])
        await first.stop()
        let error = await #expect(throws: Status.self) { try await client.unary("/test/Echo", [1]) }
        #expect(error?.code == .unavailable)
    }

    @Test func aSocketThatIsNotThereIsUnavailable() async throws {
        let client = Client(path: "/nowhere/socket", on: MultiThreadedEventLoopGroup.singleton.any())
        let error = await #expect(throws: Status.self) { try await client.unary("/test/Echo", []) }
        #expect(error?.code == .unavailable)
        client.close()
        let closed = await #expect(throws: Status.self) { try await client.unary("/test/Echo", []) }
        #expect(closed?.code == .unavailable)
    }
}
