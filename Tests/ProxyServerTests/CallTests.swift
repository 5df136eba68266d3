// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageAPI
import HostStorageClient
import HostStorageTestKit
import RPC
import StorageAccess
import StorageVersions
import SwiftProtobuf
import Testing

@testable import ProxyServer

/// A call between its socket and the host.
@Suite(.timeLimit(.minutes(20))) struct CallTests {
    private static let path = "/var/lib/kubelet"

    private static func exists(
        _ proxy: RunningProxy, authority: String = "localhost", metadata: [(String, String)] = [],
        timeout: Duration? = nil
    ) async throws -> Bool {
        let response: V1_PathExistsResponse = try await call(
            proxy.socket("filesystem-v1"), "v1.Filesystem/PathExists", V1_PathExistsRequest.with { $0.path = path },
            authority: authority, metadata: metadata, timeout: timeout)
        return response.exists
    }

    static func expectAnswer(
        _ proxy: RunningProxy, authority: String = "localhost", metadata: [(String, String)] = []
    ) async throws {
        #expect(try await exists(proxy, authority: authority, metadata: metadata))
    }

    /// Scenario 2.
    @Test func aMethodOfAnotherSocketIsUnimplemented() async throws {
        try await withProxy { proxy in
            for method in ["v1.Disk/Rescan", "v1.Volume/Nonsense", "v2.Volume/MountVolume", "Volume/MountVolume"] {
                let code = await status {
                    let _: V1_RescanResponse = try await call(proxy.socket("volume-v1"), method, V1_RescanRequest())
                }
                #expect(code == .unimplemented, "\(method)")
            }
        }
    }

    @Test(arguments: [#"\\.\pipe\csi-proxy-filesystem-v1"#, "%5C%5C.%5Cpipe", "x:99"])
    func anyAuthorityIsTaken(_ authority: String) async throws {
        try await withProxy { proxy in try await Self.expectAnswer(proxy, authority: authority) }
    }

    @Test func metadataOfACallerMeansNothing() async throws {
        try await withProxy { proxy in
            for number in ["1", "0", "99999", "x"] {
                try await Self.expectAnswer(
                    proxy, metadata: [("host-storage-stream", number), ("uid", number), ("x-bin", number)])
            }
        }
    }

    @Test func everySocketSaysThatItServes() async throws {
        try await withProxy { proxy in
            let request = Google_Protobuf_StringValue.with { $0.value = "v1.Volume" }
            let answer: Google_Protobuf_Int32Value = try await call(
                proxy.socket("volume-v1"), "grpc.health.v1.Health/Check", request)
            #expect(answer.value == 1)
            let other = await status {
                let _: Google_Protobuf_Int32Value = try await call(
                    proxy.socket("disk-v1"), "grpc.health.v1.Health/Check", request)
            }
            #expect(other == .notFound)
        }
    }

    /// Only where it was asked for, and only for those that may use anything behind the socket.
    @Test(arguments: ["v1", "v1alpha"])
    func aSocketDescribesItselfWhereItShould(_ version: String) async throws {
        let method = "grpc.reflection.\(version).ServerReflection/ServerReflectionInfo"
        func ask(_ proxy: RunningProxy) async -> StatusCode? {
            await status {
                let _: Google_Protobuf_Empty = try await call(
                    proxy.socket("volume-v1"), method, try Google_Protobuf_Empty(serializedBytes: [0x3a, 0] as [UInt8]))
            }
        }
        for (describesItself, policy, expected) in [
            (false, AccessPolicy.standard(socketGroup: getegid()), StatusCode.unimplemented),
            (true, AccessPolicy.standard(socketGroup: getegid()), nil),
            (true, AccessPolicy(rules: []), .permissionDenied),
        ] {
            let proxy = try await RunningProxy(policy: policy, describesItself: describesItself)
            #expect(await ask(proxy) == expected)
            try await proxy.stop()
        }
    }

    @Test func aCallUnderWayIsAnsweredWhileTheServerStops() async throws {
        let proxy = try await RunningProxy()
        let hang = proxy.memory.backend.hang(.makeDirectory)
        let caller = Task {
            let _: V1_MkdirResponse = try await call(
                proxy.socket("filesystem-v1"), "v1.Filesystem/Mkdir",
                V1_MkdirRequest.with { $0.path = "\(Self.path)/x" })
        }
        await hang.reached()
        async let stopped: Void = proxy.stop()
        try await Task.sleep(for: .milliseconds(200))
        hang.release()
        try await caller.value
        try await stopped
        #expect(SocketTests.files(in: proxy.directory).isEmpty)
    }

    @Test func aRequestBeyondTheLimitIsRefusedWithThatReason() async throws {
        try await withProxy { proxy in
            let code = await status {
                let _: V1_PathExistsResponse = try await call(
                    proxy.socket("filesystem-v1"), "v1.Filesystem/PathExists",
                    V1_PathExistsRequest.with { $0.path = String(repeating: "x", count: 4 << 20) })
            }
            #expect(code == .resourceExhausted)
            try await Self.expectAnswer(proxy)
        }
    }

    @Test func bytesThatAreNoMessageAreAnInvalidArgument() async throws {
        try await withProxy { proxy in
            // The same field as a number instead of a text: a request of another shape.
            let code = await status {
                let _: V1_MountVolumeResponse = try await call(
                    proxy.socket("volume-v1"), "v1.Volume/MountVolume",
                    Google_Protobuf_Any.with { $0.value = Data([0xFF]) })
            }
            #expect(code == .invalidArgument)
            let truncated = await status {
                let _: V1_PathExistsResponse = try await call(
                    proxy.socket("filesystem-v1"), "v1.Filesystem/PathExists",
                    Google_Protobuf_BytesValue.with { $0.value = Data([0xC3, 0x28]) })  // no UTF-8
            }
            #expect(truncated == .invalidArgument)
            try await Self.expectAnswer(proxy)
        }
    }

    @Test func theCallersCredentialsReachTheHost() async throws {
        let host = try CredentialsHost()
        let proxy = try await RunningProxy(host: host)
        let _: V1_RescanResponse = try await call(proxy.socket("disk-v1"), "v1.Disk/Rescan", V1_RescanRequest())
        #expect(host.seen == "pid \(getpid()), uid \(geteuid()), gid \(getegid())")
        try await proxy.stop()
    }

    @Test(arguments: StorageError.Code.allCases) func everyErrorCodeArrivesAsItWas(_ code: StorageError.Code)
        async throws
    {
        try await withProxy { proxy in
            proxy.memory.backend.fail(.pathExists, with: StorageError(code, "a reason"))
            let client = try HostStorageClient(pipeDirectory: proxy.directory)
            let error = await #expect(throws: StorageError.self) { try await client.pathExists(Self.path) }
            #expect(error?.code == code)
            #expect("\(error.map { "\($0)" } ?? "")".contains("a reason"))
            let status = await status { _ = try await Self.exists(proxy) }
            #expect(status == StatusCode(code) && status != .unknown)
        }
    }

    @Test func theClientGivesUpAfterItsDeadlineAndComesBackAfterARestart() async throws {
        let directory = RunningProxy.newDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let first = try await RunningProxy(directory: directory)
        let client = try HostStorageClient(pipeDirectory: directory, deadline: .milliseconds(300))
        let hang = first.memory.backend.hang(.pathExists)
        let error = await #expect(throws: StorageError.self) { try await client.pathExists(Self.path) }
        #expect(error?.code == .deadlineExceeded)
        hang.release()
        let patient = try HostStorageClient(pipeDirectory: directory)
        #expect(try await patient.pathExists(Self.path))
        try await first.stop()
        let unavailable = await #expect(throws: StorageError.self) { try await patient.pathExists(Self.path) }
        #expect(unavailable?.code == .unavailable)
        let second = try await RunningProxy(directory: directory)
        #expect(try await patient.pathExists(Self.path))
        try await second.stop()
    }

    @Test func theClientTakesTheNewestVersionThatIsThere() async throws {
        try await withProxy { proxy in
            let newest = try HostStorageClient(pipeDirectory: proxy.directory).versions.mapValues(\.description)
            #expect(
                newest == [
                    .disk: "v2", .volume: "v2", .filesystem: "v2", .smb: "v1", .system: "v2", .iscsi: "v1alpha2",
                ])
            for name in [
                "disk-v2", "disk-v1", "disk-v1beta3", "volume-v2", "volume-v2alpha1", "filesystem-v2",
                "filesystem-v2alpha1", "smb-v1", "system-v2", "system-v1alpha1",
            ] {
                try FileManager.default.removeItem(atPath: proxy.socket(name))
            }
            let rest = try HostStorageClient(pipeDirectory: proxy.directory).versions.mapValues(\.description)
            #expect(
                rest == [
                    .disk: "v1beta2", .volume: "v1", .filesystem: "v1", .smb: "v1beta2", .iscsi: "v1alpha2",
                ])
        }
        #expect(throws: StorageError.self) { try HostStorageClient(pipeDirectory: "/nowhere") }
    }
}
