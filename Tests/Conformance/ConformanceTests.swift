// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageClient
import HostStorageTestKit
import Logging
import LoopDisks
import ProxyServer
import ServiceLifecycle
import StorageAccess
import StorageVersions
import Testing

/// Every scenario on every kind of host.
@Suite(.timeLimit(.minutes(20))) struct ConformanceTests {
    @Suite struct InMemory {
        @Test(arguments: Scenario.all) func linked(_ scenario: Scenario) async throws {
            try await perform(scenario, on: MemoryRig(scenario))
        }

        /// One after the other: hundreds of proxies at a time have more sockets than a process may open.
        @Test(.serialized, arguments: Scenario.all) func proxied(_ scenario: Scenario) async throws {
            try await performProxied(scenario, on: MemoryRig(scenario))
        }

        /// The host itself performs operations that a version lacks, so that every scenario runs to its end.
        @Test(.serialized, arguments: Scenario.all, OldVersions.all)
        func proxied(_ scenario: Scenario, by versions: OldVersions) async throws {
            let rig = try MemoryRig(scenario)
            try await tearingDown(rig) {
                try await withProxy(over: rig, versions: versions.pins) { client, _ in
                    try await scenario.run(VersionedHost(client, else: rig.host), rig)
                }
            }
        }

        /// Operations that a driver needs are in every version, and take no help from the host itself.
        @Test(arguments: OldVersions.all)
        func everyVersionCanStageAVolume(_ versions: OldVersions) async throws {
            let rig = try MemoryRig()
            let disk = try rig.attachDisk(.blank, size: gibibyte)
            try await withProxy(over: rig, versions: versions.pins) { client, _ in
                #expect(client.versions == versions.pins)
                try await client.rescanDisks()
                let volume = try await client.onlyVolume(of: disk)
                #expect(try await !client.isVolumeFormatted(volume))
                try await client.formatVolume(volume)
                let stage = try await client.directory("stage", rig)
                try await client.mountVolume(volume, at: stage)
                try await client.createSymlink(at: rig.path("pod"), to: stage)
                #expect(try await client.isSymlink(rig.path("pod")))
                try await client.resizeVolume(volume, to: .maximum)
                try await client.unmountVolume(volume, from: stage)
                try await client.remove(stage, force: true)
                #expect(try await !client.pathExists(stage))
            }
        }
    }

    /// One at a time: all tests share the disks of a machine.
    @Suite(.realDisks, .serialized, .inTurn) struct OnRealDisks {
        @Test(arguments: Scenario.storage) func linked(_ scenario: Scenario) async throws {
            try await perform(scenario, on: LoopRig())
        }

        @Test(arguments: Scenario.storage) func proxied(_ scenario: Scenario) async throws {
            try await performProxied(scenario, on: LoopRig())
        }
    }

    @Suite(.realDisks, .serialized, .inTurn) struct OnRealSystemd {
        @Test(arguments: Scenario.system) func linked(_ scenario: Scenario) async throws {
            try await perform(scenario, on: LoopRig(withSystemd: true))
        }

        @Test(arguments: Scenario.system) func proxied(_ scenario: Scenario) async throws {
            try await performProxied(scenario, on: LoopRig(withSystemd: true))
        }
    }

    /// In the virtual machine, whose kernel mounts shares.
    @Suite(.inMachine, .serialized, .inTurn) struct OnRealSamba {
        @Test(arguments: Scenario.shares) func linked(_ scenario: Scenario) async throws {
            try await perform(scenario, on: SambaRig(scenario))
        }

        @Test(arguments: Scenario.shares) func proxied(_ scenario: Scenario) async throws {
            try await performProxied(scenario, on: SambaRig(scenario))
        }
    }

    /// In the virtual machine, whose kernel is initiator and target.
    @Suite(.inMachine, .serialized, .inTurn) struct OnRealTargets {
        @Test(arguments: Scenario.targets) func linked(_ scenario: Scenario) async throws {
            try await perform(scenario, on: LoopRig(withTargets: true))
        }

        @Test(arguments: Scenario.targets) func proxied(_ scenario: Scenario) async throws {
            try await performProxied(scenario, on: LoopRig(withTargets: true))
        }
    }
}

private func perform(_ scenario: Scenario, on rig: any ConformanceRig) async throws {
    try await tearingDown(rig) { try await scenario.run(rig.host, rig) }
}

private func performProxied(_ scenario: Scenario, on rig: any ConformanceRig) async throws {
    try await tearingDown(rig) {
        try await withProxy(over: rig) { client, host in
            try await scenario.run(ComparedClient(client: client, host: host), rig)
        }
    }
}

private func tearingDown(_ rig: any ConformanceRig, _ work: () async throws -> Void) async throws {
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
    await rig.tearDown()
    try outcome.get()
}

/// Runs `work` with a client of a proxy that offers the rig's host, and stops the proxy.
private func withProxy(
    over rig: any ConformanceRig, versions: [APIGroup: APIVersion] = [:],
    _ work: (HostStorageClient, ThrowingHost) async throws -> Void
) async throws {
    let host = ThrowingHost(rig.host)
    // A socket's path has to be short.
    let directory = "/tmp/hsc-\(UUID().uuidString.prefix(8).lowercased())"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let logger = Logger(label: "conformance", factory: { _ in SwiftLogNoOpLogHandler() })
    let (listening, continuation) = AsyncStream.makeStream(of: Void.self)
    let access = AccessControl(
        policy: .standard(socketGroup: getegid()), paths: try PathPolicy(roots: [rig.root]), audit: logger)
    let server = ProxyServer(
        host: host, access: access, pipeDirectory: directory, logger: logger, servesUnreleased: true,
        onListening: { continuation.finish() }
    )
    let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
    let run = Task {
        defer { continuation.finish() }
        try await group.run()
    }
    for await _ in listening {}
    let outcome: Result<Void, any Error>
    do {
        outcome = .success(try await work(try HostStorageClient(pipeDirectory: directory, versions: versions), host))
    } catch {
        outcome = .failure(error)
    }
    await group.triggerGracefulShutdown()
    try await run.value
    try outcome.get()
}
