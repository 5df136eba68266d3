// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Foundation
import HostStorage
import HostStorageTestKit
import Logging
import ServiceLifecycle
import StorageAccess

@testable import ProxyServer

/// A proxy over a host in memory, in a directory of its own; no privileges are taken.
final class RunningProxy: Sendable {
    let directory: String
    let memory: MemoryHost
    let access: AccessControl
    /// The audit log.
    let audit: RecordedLog
    private let ownsDirectory: Bool
    private let group: ServiceGroup
    private let run: Task<Void, any Error>

    init(
        host: (any StorageHost)? = nil, directory given: String? = nil, connectionLimit: Int = 256,
        policy: AccessPolicy = .standard(socketGroup: getegid()), owner: SocketOwner = SocketOwner(),
        metrics: any MetricsFactory = NOOPMetricsHandler.instance, describesItself: Bool = false,
        servesUnreleased: Bool = true,
        settings: (inout HostSettings) throws -> Void = { _ in }
    ) async throws {
        let directory = given ?? Self.newDirectory()
        ownsDirectory = given == nil
        self.directory = directory
        var changed = HostSettings(paths: try PathPolicy(roots: ["/var/lib/kubelet"]))
        try settings(&changed)
        memory = MemoryHost(settings: changed)
        let audit = RecordedLog()
        self.audit = audit
        access = AccessControl(
            policy: policy, paths: memory.settings.paths, audit: Logger(label: "audit") { _ in audit },
            metrics: metrics)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (listening, continuation) = AsyncStream.makeStream(of: Void.self)
        let server = ProxyServer(
            host: host ?? memory, access: access, pipeDirectory: directory, owner: owner, logger: logger,
            metrics: metrics, connectionLimit: connectionLimit, describesItself: describesItself,
            servesUnreleased: servesUnreleased
        ) { continuation.yield() }
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        self.group = group
        let task = Task {
            defer { continuation.finish() }
            try await group.run()
        }
        run = task
        var isListening = false
        for await _ in listening {
            isListening = true
            break
        }
        if !isListening { try await task.value }
    }

    /// Stops gracefully and waits for it.
    func stop() async throws {
        await group.triggerGracefulShutdown()
        try await run.value
    }

    func socket(_ name: String) -> String { "\(directory)/csi-proxy-\(name)" }

    static func newDirectory() -> String { "/tmp/hsp-\(UUID().uuidString.prefix(8).lowercased())" }

    deinit {
        run.cancel()
        if ownsDirectory { try? FileManager.default.removeItem(atPath: directory) }
    }
}

/// Runs `work` with a proxy and stops it.
func withProxy<Value>(_ work: (RunningProxy) async throws -> Value) async throws -> Value {
    let proxy = try await RunningProxy()
    let value = try await work(proxy)
    try await proxy.stop()
    return value
}
