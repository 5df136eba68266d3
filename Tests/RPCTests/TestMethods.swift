// SPDX-License-Identifier: Apache-2.0

import Foundation
import RPC
import Synchronization

/// What the tests call. Requests and responses are texts.
final class TestMethods: Sendable {
    private let state = Mutex(State())

    private struct State {
        var started = 0
        var cancelled = 0
        var sent = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    /// Calls of `/test/Hang` and of `/test/Endless` that have begun, that were cancelled, and messages that were sent.
    var started: Int { state.withLock { $0.started } }
    var cancelled: Int { state.withLock { $0.cancelled } }
    var sent: Int { state.withLock { $0.sent } }

    /// Lets all calls of `/test/Stuck` end.
    func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    var all: [Method] {
        [
            // The response is the request.
            Method("/test/Echo") { (_, request) throws(Status) in .now(request) },
            Method("/test/EchoLater") { (_, request) throws(Status) in
                .later { () async throws(Status) in
                    await Task.yield()
                    return request
                }
            },
            // As many bytes as the request says.
            Method("/test/Bytes") { (_, request) throws(Status) in
                .now(
                    [UInt8](
                        repeating: 7, count: max(0, min(Int(String(decoding: request, as: UTF8.self)) ?? 0, 1 << 23))))
            },
            // Answers each message: with itself, and with as many bytes as it says.
            Method.each("/test/Each", limit: 1_000) { (_, request) throws(Status) in
                if request == Array("fail".utf8) { throw Status(.aborted, "as it was asked to") }
                return request
            },
            Method.each("/test/EachBytes") { (_, request) throws(Status) in
                [UInt8](repeating: 7, count: max(0, min(Int(String(decoding: request, as: UTF8.self)) ?? 0, 1 << 20)))
            },
            // Fails with the number of a status and a text.
            Method("/test/Fail") { (_, request) throws(Status) in
                let parts = String(decoding: request, as: UTF8.self).split(separator: "|", maxSplits: 1)
                throw Status(
                    StatusCode(rawValue: parts.first.flatMap { Int($0) } ?? 2) ?? .unknown,
                    parts.count > 1 ? String(parts[1]) : "",
                    trailers: [
                        .init("test-code", Array("a code".utf8)),
                        .init("grpc-status-details-bin", [0, 255, 1, 254, 2]),
                    ])
            },
            // Ends when it is cancelled.
            Method("/test/Hang") { [self] (_, _) throws(Status) in
                .later { [self] () async throws(Status) in
                    state.withLock { $0.started += 1 }
                    do {
                        try await Task.sleep(for: .seconds(600))
                    } catch {
                        state.withLock { $0.cancelled += 1 }
                    }
                    throw Status(.cancelled, "it was cancelled")
                }
            },
            // Ends when the test lets it.
            Method("/test/Stuck") { [self] (_, _) throws(Status) in
                .later { [self] () async throws(Status) in
                    await withCheckedContinuation { next in
                        state.withLock { state in
                            state.started += 1
                            state.waiting.append(next)
                        }
                    }
                    return []
                }
            },
            // So many messages, each of so many bytes: "10,1000".
            Method("/test/Stream") { [self] (_, request) throws(Status) in
                let parts = String(decoding: request, as: UTF8.self).split(separator: ",").compactMap { Int($0) }
                guard parts.count > 1, parts.allSatisfy({ (0...1 << 23).contains($0) }) else {
                    throw Status(.invalidArgument, "a count and a size")
                }
                return .stream { [self] (writer) async throws(Status) in
                    for index in 0..<parts[0] {
                        try await writer.send([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: parts[1]))
                        state.withLock { $0.sent += 1 }
                    }
                    if parts.count > 2 { throw Status(.aborted, "enough") }
                }
            },
        ]
    }
}

/// Admits all but those that a test names, and keeps how calls end.
final class RecordingGate: Gate {
    private let strangers: Set<UInt32>
    private let state = Mutex(State())

    private struct State {
        var began = 0
        var before: [UInt32: Int] = [:]
        var unknown = 0
        var ended: [StatusCode] = []
    }

    /// - Parameter strangers: users whose calls are refused.
    init(strangers: Set<UInt32> = []) { self.strangers = strangers }

    var began: Int { state.withLock { $0.began } }
    /// How many calls had begun before the first one of a user.
    func begunBefore(_ uid: UInt32) -> Int? { state.withLock { $0.before[uid] } }
    var unknown: Int { state.withLock { $0.unknown } }
    var ended: [StatusCode] { state.withLock { $0.ended } }

    func isKnown(_ peer: Peer) -> Bool { !strangers.contains(peer.uid) }
    func refusal(of call: Call) -> Status? {
        isKnown(call.peer) ? nil : Status(.permissionDenied, "no rule for the caller")
    }
    func began(_ call: Call) {
        state.withLock { state in
            if state.before[call.peer.uid] == nil { state.before[call.peer.uid] = state.began }
            state.began += 1
        }
    }
    func ended(_ call: Call, _ code: StatusCode) { state.withLock { $0.ended.append(code) } }
    func refusedUnknownMethod(by peer: Peer) { state.withLock { $0.unknown += 1 } }
}
