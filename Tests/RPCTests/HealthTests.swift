// SPDX-License-Identifier: Apache-2.0

import Expectations
import Testing

@testable import RPC

/// grpc.health.v1.
@Suite(.timeLimit(.minutes(10))) struct HealthTests {
    private static func request(_ name: String) -> [UInt8] { [0x0a, UInt8(name.utf8.count)] + name.utf8 }

    @Test(arguments: [[], request(""), request("test"), [0x10, 5] + request("test") + [0x1d, 1, 2, 3, 4]])
    func whatIsServedIsServing(_ request: [UInt8]) async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let response = try await client.unary("/grpc.health.v1.Health/Check", request)
            #expect(response == [0x08, 1])
        }
    }

    @Test func whatIsNotThereIsNotFound() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let error = await #expect(throws: Status.self) {
                try await client.unary("/grpc.health.v1.Health/Check", Self.request("other"))
            }
            #expect(error?.code == .notFound)
            var messages = client.responses("/grpc.health.v1.Health/Watch", Self.request("other")).makeAsyncIterator()
            let first = try await messages.next(isolation: nil)
            #expect(first == [0x08, 3])
        }
    }

    @Test(arguments: [
        [0x0a], [0x0a, 5, 1], [0x0f], [0xff], [0x09, 1],
        [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    ])
    func whatIsNoRequestIsInvalid(_ request: [UInt8]) async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            let error = await #expect(throws: Status.self) {
                try await client.unary("/grpc.health.v1.Health/Check", request)
            }
            #expect(error?.code == .invalidArgument)
        }
    }

    /// A watch does not keep the server from ending, and gets NOT_SERVING.
    @Test func aWatchLearnsThatTheServerEnds() async throws {
        let server = try await RunningServer()
        let client = server.client()
        defer { client.close() }
        let responses = client.responses("/grpc.health.v1.Health/Watch", Self.request("test"))
        var messages = responses.makeAsyncIterator()
        let first = try await messages.next(isolation: nil)
        #expect(first == [0x08, 1])
        let stopped = Task { await server.stop(within: .seconds(60)) }
        let second = try await messages.next(isolation: nil)
        #expect(second == [0x08, 2])
        await #expect(throws: Status.self) { _ = try await messages.next(isolation: nil) }
        await stopped.value
    }

    @Test func aWatchThatIsLeftEnds() async throws {
        try await withServer { server in
            let client = server.client()
            defer { client.close() }
            for try await message in client.responses("/grpc.health.v1.Health/Watch", []) {
                #expect(message == [0x08, 1])
                break
            }
            try await eventually("its call has ended") { server.gate.ended == [.cancelled] }
        }
    }
}
