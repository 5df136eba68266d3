// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

extension Scenario {
    /// One that takes an iSCSI target.
    private init(
        _ number: Int, targets title: String,
        run: @escaping @Sendable (_ host: any StorageHost, _ rig: any ISCSIRig) async throws -> Void
    ) {
        self.init(number, title) { host, rig in try await run(host, try #require(rig as? any ISCSIRig)) }
    }

    private static func proof(_ name: String, _ secret: String) throws -> CHAP {
        try CHAP(name: name, secret: Secret(secret))
    }

    static let targets = [
        Scenario(36, targets: "portals come and go") { host, _ in
            #expect(try await host.portals().isEmpty)
            for (address, port) in [("127.0.0.1", UInt32(3261)), ("127.0.0.1", 0), ("::1", 0)] {
                let portal = try ISCSIPortal(address: address, port: port)
                #expect(port != 0 || portal.port == 3260)
                try await host.addPortal(portal)
                try await host.addPortal(portal)
                #expect(try await host.portals() == [portal])
                try await host.removePortal(portal)
                #expect(try await host.portals().isEmpty)
                await expectError(.notFound) { try await host.removePortal(portal) }
            }
        },
        Scenario(37, targets: "a target is discovered, connected and disconnected") { host, rig in
            let target = try await rig.addTarget(chap: nil, mutual: nil)
            await expectError(.notFound) { try await host.discoverTargets(at: target.portal) }
            await expectError(.notFound) { try await host.connectTarget(target, as: .none) }
            try await host.addPortal(target.portal)
            await expectError(.notFound) { try await host.connectTarget(target, as: .none) }
            #expect(try await host.discoverTargets(at: target.portal).contains(target.name))
            try await host.connectTarget(target, as: .none)
            #expect(try await host.disks(of: target).count == 1)
            try await host.disconnectTarget(target)
            #expect(try await host.disks(of: target).isEmpty)
        },
        Scenario(38, targets: "the host proves itself") { host, rig in
            let chap = try proof("initiator", "secret-of-the-1")
            let target = try await rig.addTarget(chap: chap, mutual: nil)
            try await host.addPortal(target.portal)
            _ = try await host.discoverTargets(at: target.portal)
            let wrong = ISCSIAuthentication.oneWay(try proof("initiator", "another-secret1"))
            for authentication in [ISCSIAuthentication.none, wrong] {
                let error = await expectError(.denied) { try await host.connectTarget(target, as: authentication) }
                #expect(error.map { !"\($0)".contains("another-secret") } == true)
                #expect(try await host.disks(of: target).isEmpty)
            }
            try await host.connectTarget(target, as: .oneWay(chap))
            #expect(try await host.disks(of: target).count == 1)
            try await host.disconnectTarget(target)
        },
        Scenario(39, targets: "host and target prove themselves to each other") { host, rig in
            let chap = try proof("initiator", "secret-of-the-1")
            let mutual = try proof("target", "secret-of-the-2")
            let target = try await rig.addTarget(chap: chap, mutual: mutual)
            try await host.addPortal(target.portal)
            _ = try await host.discoverTargets(at: target.portal)
            try await host.setMutualCHAPSecret(Secret("another-secret2"))
            await expectError(.denied) { try await host.connectTarget(target, as: .mutual(chap)) }
            #expect(try await host.disks(of: target).isEmpty)
            try await host.setMutualCHAPSecret(mutual.secret)
            try await host.connectTarget(target, as: .mutual(chap))
            #expect(try await host.disks(of: target).count == 1)
            try await host.disconnectTarget(target)
        },
        Scenario(40, targets: "a target's disk is a disk") { host, rig in
            let target = try await rig.addTarget(chap: nil, mutual: nil)
            try await host.addPortal(target.portal)
            _ = try await host.discoverTargets(at: target.portal)
            try await host.connectTarget(target, as: .none)
            let disks = try await host.disks(of: target)
            let disk = try #require(disks.first)
            #expect(disks.count == 1)
            try await host.setDiskState(disk, to: .online)
            let volume = try await host.onlyVolume(of: disk)
            try await host.formatVolume(volume)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            await expectError(.busy) { try await host.disconnectTarget(target) }
            #expect(try await host.disks(of: target) == [disk])
            try await host.unmountVolume(volume, from: stage)
            try await host.setDiskState(disk, to: .offline)
            try await host.disconnectTarget(target)
            await expectError(.notFound) { try await host.diskSize(disk) }
        },
        Scenario(41, targets: "what is done already is done") { host, rig in
            let target = try await rig.addTarget(chap: nil, mutual: nil)
            #expect(try await host.disks(of: target).isEmpty)
            try await host.disconnectTarget(target)
            try await host.addPortal(target.portal)
            _ = try await host.discoverTargets(at: target.portal)
            try await host.connectTarget(target, as: .none)
            let disks = try await host.disks(of: target)
            try await host.connectTarget(target, as: .none)
            #expect(try await host.disks(of: target) == disks)
            for _ in 0..<2 { try await host.disconnectTarget(target) }
            await expectError(.invalidArgument) { try await host.setMutualCHAPSecret(Secret("")) }
        },
    ]
}
