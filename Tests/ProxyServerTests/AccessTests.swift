// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageAPI
import HostStorageClient
import HostStorageTestKit
import Logging
import RPC
import StorageAccess
import StorageVersions
import SwiftProtobuf
import Testing

@testable import ProxyServer

/// Access of callers over the sockets. This process is the caller, so the policies are about it.
@Suite(.timeLimit(.minutes(20))) struct AccessTests {
    private static let root = "/var/lib/kubelet"

    private static func rule(
        _ name: String = "ours", methods: [String]? = nil, roots: [String]? = nil, devices: [DevicePattern]? = nil
    ) throws -> AccessRule {
        AccessRule(
            name: name, uids: [geteuid()], methods: methods?.map { NamePattern($0) },
            roots: try roots.map { try PathPolicy(roots: $0) }, devices: devices)
    }

    private static let otherUser = AccessPolicy(rules: [AccessRule(name: "other", uids: [geteuid() + 1])])

    private func withProxy(
        _ policy: AccessPolicy, _ work: (RunningProxy, HostStorageClient) async throws -> Void
    ) async throws {
        let proxy = try await RunningProxy(policy: policy)
        try await work(proxy, try HostStorageClient(pipeDirectory: proxy.directory))
        try await proxy.stop()
    }

    /// Expects `PERMISSION_DENIED`.
    private func expectDenied(
        _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation,
        _ work: () async throws(StorageError) -> Void
    ) async {
        do throws(StorageError) {
            try await work()
            Issue.record("it was allowed", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == .denied, comment, sourceLocation: sourceLocation)
        }
    }

    // MARK: - Callers

    /// Every method of every version, so that none is forgotten, and with a request that the host would refuse as
    /// malformed.
    @Test func aCallerWithoutARuleMayCallNothing() async throws {
        try await withProxy(Self.otherUser) { proxy, _ in
            for method in MethodCatalogue.served {
                let code = await status {
                    let _: V1_RescanResponse = try await call(
                        proxy.socket("\(method.group.rawValue)-\(method.version)"), "\(method)", V1_RescanRequest())
                }
                #expect(code == .permissionDenied, "\(method)")
            }
            #expect(proxy.audit.lines.count == MethodCatalogue.served.count)
            #expect(proxy.memory.operations.running.isEmpty)
        }
    }

    /// Nor the faults of a request that is no message at all.
    @Test func aCallerWithoutRightsDoesNotLearnTheFaultsOfItsRequest() async throws {
        try await withProxy(Self.otherUser) { proxy, _ in
            let code = await status {
                let _: V1_MountVolumeResponse = try await call(
                    proxy.socket("volume-v1"), "v1.Volume/MountVolume",
                    Google_Protobuf_Any.with { $0.value = Data([0xFF]) })
            }
            #expect(code == .permissionDenied)
            #expect(proxy.audit.lines.count == 1)
        }
    }

    @Test func aRefusalIsOneLineInTheAuditLog() async throws {
        try await withProxy(AccessPolicy(rules: [try Self.rule(roots: ["\(Self.root)/ours"])])) { proxy, client in
            let volume = try VolumeID(guid: "0cb99483-72d5-3641-a339-60348e6b3540")
            await expectDenied { () throws(StorageError) in try await client.mountVolume(volume, at: "\(Self.root)/x") }
            #expect(
                proxy.audit.lines == [
                    "refused gid=\(getegid()) method=v2.Volume/MountVolume pid=\(getpid()) "
                        + #"reason="the policy does not allow it to uid \#(geteuid()): outside of what rule \"ours\" allows" "#
                        + #"subject="\\\\?\\Volume{0cb99483-72d5-3641-a339-60348e6b3540}\\ /var/lib/kubelet/x" uid=\#(geteuid())"#
                ])
        }
    }

    /// Its request is not read, so the line has no subject.
    @Test func aRefusalByTheMethodAloneIsOneLineToo() async throws {
        try await withProxy(Self.otherUser) { proxy, client in
            await expectDenied { () throws(StorageError) in _ = try await client.pathExists("\(Self.root)/x") }
            #expect(
                proxy.audit.lines == [
                    "refused gid=\(getegid()) method=v2.Filesystem/PathExists pid=\(getpid()) "
                        + #"reason="the policy does not allow it to uid \#(geteuid()): no rule for the caller has the method" "#
                        + #"subject="" uid=\#(geteuid())"#
                ])
        }
    }

    /// A caller's text cannot pass for another line or field of the log, nor fill it.
    @Test func theAuditLogHoldsNoTextOfACallersOwn() async throws {
        try await withProxy(AccessPolicy(rules: [try Self.rule(roots: ["\(Self.root)/ours"])])) { proxy, client in
            for path in ["/x\" uid=0 method=\"y", "/\u{202E}x"] {
                await expectDenied { () throws(StorageError) in _ = try await client.pathExists(path) }
            }
            // These are no paths of the host, so there is no refusal to log.
            for path in ["/\u{1B}[2K\r\nrefused uid=0", String(repeating: "/a", count: 100_000)] {
                let error = await #expect(throws: StorageError.self) { _ = try await client.pathExists(path) }
                #expect(error?.code == .invalidArgument)
            }
            try #require(proxy.audit.lines.count == 2)
            for line in proxy.audit.lines {
                #expect(line.utf8.count < 1000)
                #expect(line.unicodeScalars.allSatisfy { (0x20..<0x7F).contains($0.value) })
                #expect(line.hasSuffix("uid=\(geteuid())") && line.hasPrefix("refused gid=\(getegid()) "))
            }
            #expect(proxy.audit.lines[0].contains(#"subject="/x\" uid=0 method=\"y""#))
            #expect(proxy.audit.lines[1].contains(#"subject="/\u{202E}x""#))
        }
    }

    @Test func strangersDoNotKeepOthersFromCalling() async throws {
        let proxy = try await RunningProxy(connectionLimit: 1, policy: Self.otherUser)
        let strangers = try await RawConnections.open(6, to: proxy.socket("disk-v1"))
        // Those beyond a few are closed at once.
        try await strangers.waitUntilClosed(2)
        proxy.access.replace(with: .standard(socketGroup: getegid()))
        let _: V1_RescanResponse = try await call(proxy.socket("disk-v1"), "v1.Disk/Rescan", V1_RescanRequest())
        await strangers.close()
        try await proxy.stop()
    }

    @Test(.enabled(if: geteuid() == 0, "takes root, which can change a file's owner"))
    func theSocketsAndTheirDirectoryBelongToTheNamedOwner() async throws {
        let proxy = try await RunningProxy(owner: SocketOwner(uid: 1001, gid: 7000))
        for path in [proxy.directory] + SocketTests.names.map({ "\(proxy.directory)/\($0)" }) {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.ownerAccountID] as? Int == 1001 && attributes[.groupOwnerAccountID] as? Int == 7000)
        }
        let mode = try FileManager.default.attributesOfItem(atPath: proxy.socket("disk-v1"))[.posixPermissions] as? Int
        #expect(mode == 0o660)
        try await proxy.stop()
    }

    // MARK: - Subjects

    @Test func methodsAreNarrowed() async throws {
        try await withProxy(AccessPolicy(rules: [try Self.rule(methods: ["List*", "PathExists"])])) { proxy, client in
            _ = try await client.diskIdentifiers()
            #expect(try await client.pathExists(Self.root))
            await expectDenied { () throws(StorageError) in try await client.rescanDisks() }
            await expectDenied { () throws(StorageError) in try await client.makeDirectory("\(Self.root)/x") }
            #expect(try await !client.pathExists("\(Self.root)/x"))
            #expect(proxy.audit.lines.count == 2)
        }
    }

    @Test func pathsAreNarrowedInEverySpelling() async throws {
        let ours = "\(Self.root)/ours"
        try await withProxy(AccessPolicy(rules: [try Self.rule(roots: [ours])])) { proxy, client in
            try await client.makeDirectory(ours)
            try await client.makeDirectory("\(ours)/a")
            try await client.makeDirectory(#"C:\var\lib\kubelet\ours\b"#)
            #expect(try await client.isSymlink(#"\var\lib\kubelet\ours\b"#) == false)
            try await proxy.memory.makeDirectory("\(ours)-evil")
            for path in [
                Self.root, "\(ours)-evil", "\(Self.root)/other", #"C:\var\lib\kubelet\other"#, "/etc",
                "\(Self.root)/OURS",
                #"C:\var\lib\kubelet\OURS\x"#,
            ] {
                await expectDenied("\(path)") { () throws(StorageError) in _ = try await client.pathExists(path) }
                await expectDenied("\(path)") { () throws(StorageError) in try await client.remove(path, force: true) }
            }
            // Both ends of a link.
            try await client.createSymlink(at: "\(ours)/link", to: "\(ours)/a")
            await expectDenied { () throws(StorageError) in
                try await client.createSymlink(at: "\(ours)/link2", to: "\(ours)-evil")
            }
            await expectDenied { () throws(StorageError) in
                try await client.createSymlink(at: "\(ours)-evil/link", to: "\(ours)/a")
            }
            #expect(try await proxy.memory.pathExists("\(ours)-evil"))
            #expect(try await !proxy.memory.pathExists("\(ours)/link2"))
            // A malformed path is malformed for all callers: as the host takes paths, each operation in its own way.
            for path in ["\(ours)/../x", #"\var\lib\kubelet\ours\a"#, #"\etc"#] {
                let error = await #expect(throws: StorageError.self) { try await client.pathExists(path) }
                #expect(error?.code == .invalidArgument, "\(path)")
            }
        }
    }

    @Test func disksAndTheirVolumesAreNarrowed() async throws {
        let rule = try Self.rule(devices: [DevicePattern(page83: NamePattern("naa.mine-*"))])
        try await withProxy(AccessPolicy(rules: [rule])) { proxy, client in
            func attach(_ name: String) throws -> DiskNumber {
                try proxy.memory.backend.attachDisk(
                    size: 1 << 30, content: .blank, identifiers: DiskIdentifiers(page83: name, serialNumber: name),
                    location: DiskLocation(adapter: "0", bus: "0", target: "0", lun: "0"))
            }
            let (mine, other, nameless) = (try attach("naa.mine-1"), try attach("naa.theirs-1"), try attach(""))
            #expect(try await Set(client.diskIdentifiers().keys) == [mine])
            #expect(try await Set(client.diskLocations().keys) == [mine])
            try await client.partitionDisk(mine)
            let volume = try await client.volumes(on: mine, partition: nil)[0]
            try await client.formatVolume(volume)
            for disk in [other, nameless, DiskNumber(99)] {
                await expectDenied { () throws(StorageError) in try await client.partitionDisk(disk) }
                await expectDenied { () throws(StorageError) in _ = try await client.diskSize(disk) }
                await expectDenied { () throws(StorageError) in try await client.setDiskState(disk, to: .offline) }
                await expectDenied { () throws(StorageError) in _ = try await client.diskState(disk) }
                await expectDenied { () throws(StorageError) in _ = try await client.volumes(on: disk, partition: nil) }
            }
            try await proxy.memory.partitionDisk(other)
            let theirs = try await proxy.memory.volumes(on: other, partition: nil)[0]
            try await client.makeDirectory("\(Self.root)/m")
            await expectDenied { () throws(StorageError) in try await client.formatVolume(theirs) }
            await expectDenied { () throws(StorageError) in _ = try await client.isVolumeFormatted(theirs) }
            await expectDenied { () throws(StorageError) in try await client.resizeVolume(theirs, to: .maximum) }
            await expectDenied { () throws(StorageError) in _ = try await client.volumeStats(theirs) }
            await expectDenied { () throws(StorageError) in _ = try await client.disk(of: theirs) }
            await expectDenied { () throws(StorageError) in try await client.flushVolume(theirs) }
            await expectDenied { () throws(StorageError) in try await client.mountVolume(theirs, at: "\(Self.root)/m") }
            try await proxy.memory.formatVolume(theirs)
            try await proxy.memory.mountVolume(theirs, at: "\(Self.root)/m")
            await expectDenied { () throws(StorageError) in
                _ = try await client.unmountVolume(theirs, from: "\(Self.root)/m")
            }
            // Nor is a path a way to learn of another's volume.
            await expectDenied { () throws(StorageError) in _ = try await client.volume(mountedAt: "\(Self.root)/m") }
            await expectDenied { () throws(StorageError) in _ = try await client.volume(closestTo: "\(Self.root)/m") }
            #expect(proxy.memory.backend.mounts == ["\(Self.root)/m": theirs])
        }
    }

    /// S9: the system's disk is mounted, and revealed, only for callers whose rule names it; a star names nothing.
    @Test(arguments: [
        ("naa.system", nil, true), (nil, "serial", true), ("naa.*", nil, false), ("naa.system", "s*", false),
        ("*", nil, false), (nil, nil, false),
    ])
    func s9TheSystemsDiskIsMountedByThoseAloneWhoseRuleNamesIt(
        _ page83: String?, _ serial: String?, isNamed: Bool
    ) async throws {
        let pattern = DevicePattern(page83: page83.map { NamePattern($0) }, serial: serial.map { NamePattern($0) })
        let rule = try Self.rule(devices: page83 == nil && serial == nil ? nil : [pattern])
        try await withProxy(AccessPolicy(rules: [rule])) { proxy, client in
            let system = try proxy.memory.backend.attachDisk(
                size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]),
                identifiers: DiskIdentifiers(page83: "naa.system", serialNumber: "serial"), carriesSystem: true)
            let volume = try await client.volumes(on: system, partition: nil)[0]
            let place = "\(Self.root)/m"
            try await client.makeDirectory(place)
            if isNamed {
                try await client.mountVolume(volume, at: place)
                #expect(try await client.volume(mountedAt: place) == volume)
                #expect(try await client.volume(closestTo: place) == volume)
                await expectDenied { () throws(StorageError) in try await client.formatVolume(volume) }
                await expectDenied { () throws(StorageError) in try await client.partitionDisk(system) }
                await expectDenied { () throws(StorageError) in try await client.setDiskState(system, to: .offline) }
                try await client.unmountVolume(volume, from: place)
            } else {
                await expectDenied { () throws(StorageError) in try await client.mountVolume(volume, at: place) }
                await expectDenied { () throws(StorageError) in _ = try await client.volume(closestTo: place) }
                #expect(proxy.memory.backend.mounts.isEmpty)
            }
        }
    }

    /// One rule lets the caller at the disk, with a star, and another names a disk that is not the system's.
    @Test func s9ARuleThatNamesAnotherDiskDoesNotAllowTheSystems() async throws {
        let rules = try ["naa.*", "naa.other"].map {
            try Self.rule($0, devices: [DevicePattern(page83: NamePattern($0))])
        }
        try await withProxy(AccessPolicy(rules: rules)) { proxy, client in
            let system = try proxy.memory.backend.attachDisk(
                size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]),
                identifiers: DiskIdentifiers(page83: "naa.system", serialNumber: "serial"), carriesSystem: true)
            let volume = try await client.volumes(on: system, partition: nil)[0]
            try await client.makeDirectory("\(Self.root)/m")
            await expectDenied { () throws(StorageError) in try await client.mountVolume(volume, at: "\(Self.root)/m") }
            #expect(proxy.memory.backend.mounts.isEmpty)
        }
    }

    /// Neither places of others that hold the caller's disk or mount, nor disks that did not answer.
    @Test func anErrorDoesNotRevealDisksAndPlacesOfOthers() async throws {
        let rule = try Self.rule(
            roots: ["\(Self.root)/ours"], devices: [DevicePattern(page83: NamePattern("naa.mine-*"))])
        try await withProxy(AccessPolicy(rules: [rule])) { proxy, client in
            let disk = try proxy.memory.backend.attachDisk(
                size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]),
                identifiers: DiskIdentifiers(page83: "naa.mine-1", serialNumber: "M"))
            let volume = try await client.volumes(on: disk, partition: nil)[0]
            var held = StorageError(.busy, "it is in use")
            held.holders = ["theirs/secret", "ours/x"].map {
                .mount(target: "\(Self.root)/\($0)", seenByProcess: nil)
            }
            proxy.memory.backend.fail(.makeDirectory, with: held)
            let text = await #expect(throws: StorageError.self) {
                try await client.makeDirectory("\(Self.root)/ours/x")
            }
            #expect(text.map { "\($0)".contains("ours/x") && !"\($0)".contains("secret") } == true, "\(text as Any)")
            let silent = StorageError(.unavailable, "/dev/theirs did not answer, and may have it")
            proxy.memory.backend.fail(.diskOfVolume, with: silent)
            let error = await #expect(throws: StorageError.self) { try await client.volumeStats(volume) }
            #expect(error?.code == .unavailable)
            #expect(error.map { !"\($0)".contains("theirs") } == true, "\(error as Any)")
        }
    }

    /// The same rule in every dialect, in either spelling of its own, and with every case of names.
    @Test(arguments: PathDialect.allCases, [false, true])
    func aRuleHoldsInEverySpelling(_ dialect: PathDialect, _ ignoresCase: Bool) async throws {
        func spelled(_ name: String) -> String {
            let path = "\(Self.root)/\(name)"
            return dialect == .windows ? "C:" + path.replacing("/", with: #"\"#) : path
        }
        for root in ["\(Self.root)/ours", #"C:\var\lib\kubelet\ours"#] {
            let proxy = try await RunningProxy(policy: AccessPolicy(rules: [try Self.rule(roots: [root])])) {
                settings in
                settings.paths = try PathPolicy(roots: [Self.root], dialect: dialect, ignoresCase: ignoresCase)
            }
            let client = try HostStorageClient(pipeDirectory: proxy.directory)
            for name in ["ours", "THEIRS"] { try await proxy.memory.makeDirectory(spelled(name)) }
            try await client.makeDirectory(spelled("ours/dir"))
            try await client.createSymlink(at: spelled("ours/link"), to: spelled("ours/dir"))
            #expect(try await client.isSymlink(spelled("ours/link")))
            if ignoresCase {
                #expect(try await client.pathExists(spelled("OURS/DIR")))
            } else {
                await expectDenied { () throws(StorageError) in _ = try await client.pathExists(spelled("OURS/dir")) }
            }
            for name in ["THEIRS", "theirs", "ours-evil", "none"] {
                await expectDenied("\(name)") { () throws(StorageError) in
                    _ = try await client.pathExists(spelled(name))
                }
                await expectDenied("\(name)") { () throws(StorageError) in
                    try await client.createSymlink(at: spelled("ours/l"), to: spelled(name))
                }
                await expectDenied("\(name)") { () throws(StorageError) in
                    _ = try await client.volume(closestTo: spelled(name))
                }
            }
            proxy.access.replace(with: AccessPolicy(rules: [try Self.rule(roots: ["\(Self.root)/theirs"])]))
            for name in ["THEIRS", "theirs/x"] {
                guard ignoresCase || name == "THEIRS" else { continue }
                await expectDenied("\(name)") { () throws(StorageError) in
                    _ = try await client.pathExists(spelled(name))
                }
            }
            try await proxy.stop()
        }
    }

    /// Neither by the status nor by its text.
    @Test func aRefusalDoesNotRevealDisksOfOthers() async throws {
        let rule = try Self.rule(devices: [DevicePattern(page83: NamePattern("naa.mine-*"))])
        try await withProxy(AccessPolicy(rules: [rule])) { proxy, client in
            let theirs = try proxy.memory.backend.attachDisk(
                size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]),
                identifiers: DiskIdentifiers(page83: "naa.theirs", serialNumber: "T"),
                location: DiskLocation(adapter: "0", bus: "0", target: "0", lun: "0"))
            let volume = try #require(try await proxy.memory.volumes(on: theirs, partition: nil).first)
            let none = try VolumeID(guid: "0cb99483-72d5-3641-a339-60348e6b3540")
            try await proxy.memory.makeDirectory("\(Self.root)/m")
            try await proxy.memory.mountVolume(volume, at: "\(Self.root)/m")
            func text(_ work: () async throws(StorageError) -> Void) async -> String {
                do throws(StorageError) {
                    try await work()
                    return "allowed"
                } catch {
                    return "\(error.code) \(error)"
                }
            }
            func neutral(_ text: String, _ name: String) -> String { text.replacing(name, with: "X") }
            let there = neutral(
                await text { () throws(StorageError) in _ = try await client.volumeStats(volume) }, "\(volume)")
            let gone = neutral(
                await text { () throws(StorageError) in _ = try await client.volumeStats(none) }, "\(none)")
            #expect(there == gone && there.hasPrefix("denied"), "\(there)")
            let disk = neutral(
                await text { () throws(StorageError) in _ = try await client.diskSize(theirs) }, "disk \(theirs)")
            let noDisk = neutral(
                await text { () throws(StorageError) in _ = try await client.diskSize(DiskNumber(9999)) }, "disk 9999")
            #expect(disk == noDisk && disk.hasPrefix("denied"), "\(disk)")
            for path in ["\(Self.root)/m", "\(Self.root)/m/none"] {
                let refusal = await text { () throws(StorageError) in _ = try await client.volume(closestTo: path) }
                #expect(refusal.hasPrefix("denied") && !refusal.contains(volume.guid), "\(refusal)")
                for force in [false, true] {
                    let refusal = await text { () throws(StorageError) in try await client.remove(path, force: force) }
                    #expect(refusal.hasPrefix("denied") && !refusal.contains(volume.guid), "\(refusal)")
                }
                await expectDenied { () throws(StorageError) in try await client.removeContents(of: path) }
                await expectDenied { () throws(StorageError) in _ = try await client.pathExists(path) }
                await expectDenied { () throws(StorageError) in try await client.makeDirectory("\(path)/x") }
                await expectDenied { () throws(StorageError) in
                    try await client.createSymlink(at: "\(Self.root)/l", to: path)
                }
            }
            #expect(proxy.memory.backend.mounts == ["\(Self.root)/m": volume])
        }
    }

    @Test func aRefusalByTheHostItselfIsAuditedToo() async throws {
        try await withProxy(.standard(socketGroup: getegid())) { proxy, client in
            let system = try proxy.memory.backend.attachDisk(size: 1 << 30, content: .blank, carriesSystem: true)
            await expectDenied { () throws(StorageError) in try await client.partitionDisk(system) }
            await expectDenied { () throws(StorageError) in try await client.makeDirectory("/etc/x") }
            let lines = proxy.audit.lines
            try #require(lines.count == 2)
            #expect(lines[0].contains(#"subject="\#(system)""#))
            #expect(lines[1].contains(#"subject="/etc/x""#))
        }
    }

    // MARK: - Changes of the policy

    @Test func aNewPolicyHoldsFromTheNextCallOnOpenConnectionsToo() async throws {
        try await withProxy(.standard(socketGroup: getegid())) { proxy, client in
            try await client.rescanDisks()
            proxy.access.replace(with: Self.otherUser)
            await expectDenied { () throws(StorageError) in try await client.rescanDisks() }
            proxy.access.replace(with: .standard(socketGroup: getegid()))
            try await client.rescanDisks()
        }
    }
}
