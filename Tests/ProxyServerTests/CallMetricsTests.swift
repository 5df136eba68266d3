// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import HostStorageAPI
import HostStorageTestKit
import ProxyMetrics
import RPC
import StorageAccess
import SwiftProtobuf
import Testing

@testable import ProxyServer

/// Metrics of calls (scenario 5).
@Suite(.timeLimit(.minutes(20))) struct CallMetricsTests {
    private let registry = MetricsRegistry()

    private func withProxy(
        policy: AccessPolicy = .standard(socketGroup: getegid()), _ work: (RunningProxy) async throws -> Void
    ) async throws {
        let proxy = try await RunningProxy(policy: policy, metrics: registry)
        try await work(proxy)
        try await proxy.stop()
    }

    private func exists(_ proxy: RunningProxy, _ path: String = "/var/lib/kubelet", timeout: Duration? = nil) async
        -> StatusCode?
    {
        await status {
            let _: V1_PathExistsResponse = try await call(
                proxy.socket("filesystem-v1"), "v1.Filesystem/PathExists", V1_PathExistsRequest.with { $0.path = path },
                timeout: timeout)
        }
    }

    /// The values of a metric, by its labels without those of the method.
    private func values(_ name: String, method: String = "PathExists", service: String = "v1.Filesystem") -> [String] {
        let labels = #"grpc_method="\#(method)",grpc_service="\#(service)",grpc_type="unary""#
        return registry.text.split(separator: "\n").filter { $0.hasPrefix("\(name){") && $0.contains(labels) }
            .map { String($0.dropFirst(name.count)).replacing(labels, with: "").replacing(",}", with: "}") }
    }

    @Test func callsAreCountedByMethodAndOutcome() async throws {
        try await withProxy { proxy in
            for _ in 0..<3 { #expect(await exists(proxy) == nil) }
            #expect(await exists(proxy, "/etc") == .permissionDenied)
            #expect(await exists(proxy, "relative") == .invalidArgument)
            #expect(values("grpc_server_started_total") == ["{} 5"])
            #expect(values("grpc_server_msg_received_total") == ["{} 5"])
            #expect(values("grpc_server_msg_sent_total") == ["{} 3"])
            #expect(
                values("grpc_server_handled_total") == [
                    #"{grpc_code="InvalidArgument"} 1"#, #"{grpc_code="OK"} 3"#, #"{grpc_code="PermissionDenied"} 1"#,
                ])
            #expect(values("grpc_server_handling_seconds_count") == ["{} 5"])
            #expect(values("grpc_server_handling_seconds_bucket").count == 15)
            #expect(registry.text.contains("\ncsi_proxy_refused_calls_total 1\n"))
        }
    }

    @Test func whatThePolicyRefusesIsCountedToo() async throws {
        try await withProxy(policy: AccessPolicy(rules: [])) { proxy in
            for _ in 0..<2 { #expect(await exists(proxy) == .permissionDenied) }
            #expect(values("grpc_server_handled_total") == [#"{grpc_code="PermissionDenied"} 2"#])
            #expect(registry.text.contains("\ncsi_proxy_refused_calls_total 2\n"))
        }
    }

    @Test func aCallThatIsGivenUpIsCounted() async throws {
        try await withProxy { proxy in
            let hang = proxy.memory.backend.hang(.makeDirectory)
            defer { hang.release() }
            let caller = Task {
                let _: V1_MkdirResponse = try await call(
                    proxy.socket("filesystem-v1"), "v1.Filesystem/Mkdir",
                    V1_MkdirRequest.with { $0.path = "/var/lib/kubelet/x" })
            }
            await hang.reached()
            #expect(values("grpc_server_started_total", method: "Mkdir") == ["{} 1"])
            caller.cancel()
            let ended = try await eventually(finding: "the call counts as handled") {
                values("grpc_server_handled_total", method: "Mkdir").first
            }
            #expect(ended == #"{grpc_code="Canceled"} 1"#)
            #expect(values("grpc_server_msg_sent_total", method: "Mkdir").isEmpty)
        }
    }

    /// A request that is no message is counted as a call, not as a message.
    @Test func bytesThatAreNoMessageAreNoMessage() async throws {
        try await withProxy { proxy in
            let code = await status {
                let _: V1_PathExistsResponse = try await call(
                    proxy.socket("filesystem-v1"), "v1.Filesystem/PathExists",
                    Google_Protobuf_BytesValue.with { $0.value = Data([0xC3, 0x28]) })
            }
            #expect(code == .invalidArgument)
            #expect(values("grpc_server_started_total") == ["{} 1"])
            #expect(values("grpc_server_msg_received_total").isEmpty)
        }
    }

    /// For any number of names from callers, with any content.
    @Test func methodsThatAreNotThereAreOneSeries() async throws {
        try await withProxy { proxy in
            for method in ["v1.Disk/Rescan", "v1.Volume/Nonsense", "secret.Name/Other", "v1.Filesystem/PathExist"] {
                let code = await status {
                    let _: V1_RescanResponse = try await call(
                        proxy.socket("filesystem-v1"), method, V1_RescanRequest())
                }
                #expect(code == .unimplemented)
            }
            #expect(values("grpc_server_started_total", method: "unknown") == ["{} 4"])
            #expect(values("grpc_server_handled_total", method: "unknown") == [#"{grpc_code="Unimplemented"} 4"#])
            for word in ["Nonsense", "secret", "Rescan", "PathExist"] { #expect(!registry.text.contains(word)) }
        }
    }

    @Test func everyStatusHasGosName() {
        #expect(StatusCode.cancelled.nameInMetrics == "Canceled")
        #expect(StatusCode.internalError.nameInMetrics == "Internal")
        #expect(StatusCode.unauthenticated.nameInMetrics == "Unauthenticated")
        for code in StorageError.Code.allCases { #expect(StatusCode(code).nameInMetrics != "Unknown") }
    }
}
