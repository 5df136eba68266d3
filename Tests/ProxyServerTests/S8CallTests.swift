// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageAPI
import HostStorageTestKit
import RPC
import SwiftProtobuf
import Testing

@testable import ProxyServer

/// S8: a call ends when its deadline passes or its client has gone, in every state of the host.
@Suite(.timeLimit(.minutes(20))) struct S8CallTests {
    private let path = "/var/lib/kubelet"

    /// gRPC Swift 2.4 overlooks eight digits.
    @Test(arguments: ["90000000n", "90000u", "90m", "100000u"])
    func aDeadlineEndsTheCallAndNotTheOperation(_ timeout: String) async throws {
        try await withProxy { proxy in
            let hang = proxy.memory.backend.hang(.makeDirectory)
            // On a slow machine the time can be over before there is an operation.
            try await eventually("a call whose time is over has begun an operation") {
                let code = await status {
                    let _: V1_MkdirResponse = try await call(
                        proxy.socket("filesystem-v1"), "v1.Filesystem/Mkdir",
                        V1_MkdirRequest.with { $0.path = "\(path)/x" }, metadata: [("grpc-timeout", timeout)])
                }
                try #require(code == .deadlineExceeded)
                return !proxy.memory.operations.running.isEmpty
            }
            #expect(proxy.memory.operations.running.map(\.operation.name) == ["make directory"])
            hang.release()
        }
    }

    /// Its caller has set a limit, and a call without one could last for ever.
    @Test(arguments: ["", "1", "S", "-1S", "1s", "1 S", "123456789S", "1S,2S", "0x1S", "1,5S"])
    func aDeadlineThatCannotBeReadIsRefused(_ timeout: String) async throws {
        try await withProxy { proxy in
            let code = await status {
                let _: V1_MkdirResponse = try await call(
                    proxy.socket("filesystem-v1"), "v1.Filesystem/Mkdir",
                    V1_MkdirRequest.with { $0.path = "\(path)/x" }, metadata: [("grpc-timeout", timeout)])
            }
            #expect(code == .invalidArgument)
            let exists = try await proxy.memory.pathExists("\(path)/x")
            #expect(!exists)
        }
    }

    /// Many times, for gRPC Swift misses a stream that closes before its handler has begun.
    @Test func aCancelledCallIsLeftAtOnce() async throws {
        try await withProxy { proxy in
            let hang = proxy.memory.backend.hang(.makeDirectory)
            await withTaskGroup { group in
                for index in 0..<60 {
                    group.addTask {
                        let caller = Task {
                            let _: V1_MkdirResponse = try await call(
                                proxy.socket("filesystem-v1"), "v1.Filesystem/Mkdir",
                                V1_MkdirRequest.with { $0.path = "\(path)/\(index)" })
                        }
                        try? await Task.sleep(for: .milliseconds(index % 10))
                        caller.cancel()
                        _ = await caller.result
                    }
                }
            }
            hang.release()
            // All of them have left, so nothing keeps the server from stopping.
            try await CallTests.expectAnswer(proxy)
        }
    }

    /// An operation that no caller waits for any more is still visible.
    @Test func whatACancelledCallHasLeftIsStillUnderWay() async throws {
        try await withProxy { proxy in
            let hang = proxy.memory.backend.hang(.makeDirectory)
            let caller = Task {
                let _: V1_MkdirResponse = try await call(
                    proxy.socket("filesystem-v1"), "v1.Filesystem/Mkdir", V1_MkdirRequest.with { $0.path = "\(path)/x" }
                )
            }
            await hang.reached()
            caller.cancel()
            _ = await caller.result
            try await eventually("the operation has lost its caller") {
                proxy.memory.operations.running.map(\.callers) == [0]
            }
            #expect(proxy.memory.operations.running.map(\.operation.name) == ["make directory"])
            hang.release()
            try await eventually("no operation is under way") { proxy.memory.operations.running.isEmpty }
        }
    }
}
