// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import HostStorageClient
import HostStorageTestKit
import StorageAccess
import Testing

@testable import ProxyServer

/// Limits of callers in the groups system, smb and iscsi. This process is the caller.
@Suite(.timeLimit(.minutes(20))) struct GroupAccessTests {
    private static func rule(
        _ name: String = "ours", roots: [String]? = nil, devices: [DevicePattern]? = nil, services: [String] = []
    ) throws -> AccessRule {
        AccessRule(
            name: name, uids: [geteuid()], roots: try roots.map { try PathPolicy(roots: $0) }, devices: devices,
            services: try services.map { try ServicePattern($0) })
    }

    /// The host lets everything be changed, so that every refusal comes from the rule.
    private func withProxy(
        _ rules: AccessRule..., work: (RunningProxy, HostStorageClient) async throws -> Void
    ) async throws {
        let proxy = try await RunningProxy(policy: AccessPolicy(rules: rules)) { $0.changeableServices = [.all] }
        try await work(proxy, try HostStorageClient(pipeDirectory: proxy.directory))
        try await proxy.stop()
    }

    // MARK: - Services

    private let mine: ServiceName
    private let theirs: ServiceName

    init() throws { (mine, theirs) = (try ServiceName("mine"), try ServiceName("theirs")) }

    /// A rule without `services` has none, although everything else that it leaves out is everything.
    @Test func s9ServicesAreChangedByThoseAloneWhoseRuleNamesThem() async throws {
        for services in [[], ["mine"], ["*"]] {
            try await withProxy(try Self.rule(services: services)) { proxy, client in
                for name in [mine, theirs] {
                    proxy.memory.backend.addService(name, displayName: "Service \(name)")
                    // To look changes nothing.
                    #expect(try await client.service(name).displayName == "Service \(name)")
                    if services == ["*"] || services == ["mine"] && name == mine {
                        try await client.startService(name)
                        #expect(try await client.service(name).state == .running)
                        try await client.stopService(name, force: true)
                    } else {
                        await expectError(.denied, "uid \(geteuid())") { try await client.startService(name) }
                        try await proxy.memory.startService(name)
                        await expectError(.denied, "uid \(geteuid())") {
                            try await client.stopService(name, force: false)
                        }
                        await expectError(.denied, "uid \(geteuid())") {
                            try await client.stopService(name, force: true)
                        }
                        #expect(try await client.service(name).state == .running)
                        #expect(proxy.audit.lines.last?.contains(#"subject="\#(name)""#) == true)
                    }
                }
            }
        }
    }

    @Test func s9ForceStopsNothingAlongThatTheRuleDoesNotName() async throws {
        try await withProxy(try Self.rule(services: ["mine"])) { proxy, client in
            proxy.memory.backend.addService(mine)
            proxy.memory.backend.addService(theirs, requires: [mine])
            try await proxy.memory.startService(theirs)
            await expectError(.denied, theirs.unit) { try await client.stopService(mine, force: true) }
            #expect(proxy.memory.backend.stoppedServices.isEmpty)
            proxy.access.replace(with: AccessPolicy(rules: [try Self.rule(services: ["mine", "theirs"])]))
            try await client.stopService(mine, force: true)
            #expect(proxy.memory.backend.stoppedServices == [theirs, mine])
        }
    }

    /// One rule has to allow the whole call.
    @Test func s9TheServicesOfTwoRulesDoNotAddUp() async throws {
        try await withProxy(try Self.rule("a", services: ["mine"]), try Self.rule("b", services: ["theirs"])) {
            proxy, client in
            proxy.memory.backend.addService(mine)
            proxy.memory.backend.addService(theirs, requires: [mine])
            try await client.startService(theirs)
            await expectError(.denied, theirs.unit) { try await client.stopService(mine, force: true) }
            #expect(proxy.memory.backend.stoppedServices.isEmpty)
        }
    }

    // MARK: - Shares

    @Test func s6AShareIsLinkedBeneathTheRulesRootsAlone() async throws {
        let (root, share) = ("/var/lib/kubelet/ours", #"\\server\share"#)
        try await withProxy(try Self.rule(roots: [root])) { proxy, client in
            try proxy.memory.backend.addShare(share, accounts: ["alice": "word"])
            let remote = try SMBRemotePath(share)
            let alice = try SMBCredentials(user: "alice", password: Secret("word"))
            try await client.makeDirectory(root)
            for link in ["/var/lib/kubelet/x", "\(root)-evil/x", "/etc/x", #"C:\var\lib\kubelet\x"#] {
                await expectError(.denied) { try await client.mapShare(remote, linkedAt: link, as: alice) }
            }
            #expect(proxy.memory.backend.mountedShares.isEmpty)
            #expect(proxy.audit.lines.count == 4)
            try await client.mapShare(remote, linkedAt: "\(root)/x", as: alice)
            #expect(try await client.isSymlink("\(root)/x"))
        }
    }

    // MARK: - iSCSI

    @Test func aTargetsDisksAreShownAndTakenAwayByThoseAloneWhoseTheyAre() async throws {
        let portal = try ISCSIPortal(address: "target")
        let target = ISCSITarget(try ISCSIName("iqn.2001-04.com.example:x"), at: portal)
        // With any name: first not the caller's disk, then the caller's.
        try await withProxy(try Self.rule(devices: [])) { proxy, client in
            proxy.memory.backend.addTarget(target)
            try await client.addPortal(portal)
            _ = try await client.discoverTargets(at: portal)
            try await client.connectTarget(target, as: .none)
            let disk = try #require(try await proxy.memory.disks(of: target).first)
            #expect(try await client.disks(of: target).isEmpty)
            await expectError(.denied, "disk \(disk)") { try await client.disconnectTarget(target) }
            #expect(try await proxy.memory.disks(of: target) == [disk])
            let names = try #require(try await proxy.memory.diskIdentifiers()[disk])
            proxy.access.replace(
                with: AccessPolicy(rules: [try Self.rule(devices: [DevicePattern(page83: NamePattern(names.page83))])]))
            #expect(try await client.disks(of: target) == [disk])
            try await client.disconnectTarget(target)
            #expect(try await proxy.memory.disks(of: target).isEmpty)
        }
    }
}
