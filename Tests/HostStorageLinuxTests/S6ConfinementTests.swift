// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import Glibc
import HostStorage
import HostStorageTestKit
import Logging
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S6: a call's confinement is compared where a path is opened, with the names that are there.
@Suite struct S6ConfinementTests {
    typealias Call = @Sendable (any StorageHost, String) async throws -> Void

    /// Every method that takes a path.
    static func calls(_ spare: String) -> [(String, Call)] {
        let guid = "1b2a3c4d-5e6f-7a8b-9c0d-e1f2a3b4c5d6"
        return [
            ("exists", { host, path in _ = try await host.pathExists(path) }),
            ("make", { host, path in try await host.makeDirectory(path) }),
            ("remove", { host, path in try await host.remove(path, force: false) }),
            ("force", { host, path in try await host.remove(path, force: true) }),
            ("contents", { host, path in try await host.removeContents(of: path) }),
            ("link at", { host, path in try await host.createSymlink(at: path, to: spare) }),
            ("link to", { host, path in try await host.createSymlink(at: "\(spare)-link", to: path) }),
            ("is link", { host, path in _ = try await host.isSymlink(path) }),
            ("mounted", { host, path in _ = try await host.volume(mountedAt: path) }),
            ("closest", { host, path in _ = try await host.volume(closestTo: path) }),
            (
                "share",
                { host, path in
                    try await host.mapShare(
                        SMBRemotePath(#"\\127.0.0.1\none"#), linkedAt: path,
                        as: SMBCredentials(user: "u", password: Secret("p")))
                }
            ),
            ("mount", { host, path in try await host.mountVolume(VolumeID(guid: guid), at: path) }),
            (
                "unmount",
                { host, path in
                    _ = try await host.unmountVolume(VolumeID(guid: guid), from: path)
                }
            ),
        ]
    }

    struct Row: Sendable {
        var dialect: PathDialect
        var ignoresCase: Bool
        var isInMemory: Bool
    }

    static let rows: [Row] = PathDialect.allCases.flatMap { dialect in
        [false, true].flatMap { ignoresCase in
            [false, true].map { Row(dialect: dialect, ignoresCase: ignoresCase, isInMemory: $0) }
        }
    }

    struct Rig {
        let scratch: ScratchDirectory
        let root: String
        let host: any StorageHost
        let dialect: PathDialect

        init(_ row: Row) throws {
            scratch = try ScratchDirectory()
            root = "\(scratch.path)/kubelet"
            dialect = row.dialect
            let settings = HostSettings(
                paths: try PathPolicy(roots: [root], dialect: row.dialect, ignoresCase: row.ignoresCase))
            if row.isInMemory {
                host = MemoryHost(settings: settings)
            } else {
                let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
                host = LocalHost(
                    backend: try LinuxBackend(
                        settings: settings, stateDirectory: "\(scratch.path)/state", logger: logger),
                    settings: settings, logger: logger)
            }
        }

        func path(_ name: String) -> String {
            let path = "\(root)/\(name)"
            return dialect == .windows ? "C:" + path.replacing("/", with: #"\"#) : path
        }

        /// As the operator writes the roots of a rule: in either spelling.
        func confined(to name: String, inWindowsSpelling: Bool = false) throws -> any StorageHost {
            let path = "\(root)/\(name)"
            let text = inWindowsSpelling ? "C:" + path.replacing("/", with: #"\"#) : path
            return try host.confined(to: CallConfinement(text, roots: PathPolicy(roots: [text]), disks: nil))
        }
    }

    @Test(arguments: rows) func aCallReachesItsOwnRootsAlone(_ row: Row) async throws {
        let rig = try Rig(row)
        for name in ["ours/dir", "THEIRS/dir", "ours-evil"] { try await rig.host.makeDirectory(rig.path(name)) }
        let ours = try rig.confined(to: "ours", inWindowsSpelling: row.dialect == .windows)
        #expect(try await ours.pathExists(rig.path("ours/dir")))
        try await ours.makeDirectory(rig.path("ours/new"))
        try await ours.createSymlink(at: rig.path("ours/link"), to: rig.path("ours/dir"))
        #expect(try await ours.isSymlink(rig.path("ours/link")))
        if row.ignoresCase { #expect(try await ours.pathExists(rig.path("OURS/DIR"))) }
        for name in ["THEIRS", "THEIRS/dir", "THEIRS/none", "theirs/dir", "none", "ours-evil", "ours-evil/x"] {
            for (call, body) in Self.calls(rig.path("ours/spare")) where call != "mount" && call != "unmount" {
                await expectError(.denied) { try await body(ours, rig.path(name)) }
            }
        }
        // A rule's root is the directory of its name, and no other that differs in case.
        let theirs = try rig.confined(to: "theirs")
        for name in ["THEIRS/dir", "theirs/dir", "Theirs"] where row.ignoresCase || !name.hasPrefix("theirs") {
            for (call, body) in Self.calls(rig.path("theirs/spare")) where call != "mount" && call != "unmount" {
                await expectError(.denied) { try await body(theirs, rig.path(name)) }
            }
        }
        #expect(try await rig.host.pathExists(rig.path("THEIRS/dir")))
        #expect(try await rig.host.pathExists(rig.path("ours-evil")))
    }

    /// Nothing of another's is removed or made, however its directory and ours change names.
    @Test(.timeLimit(.minutes(10))) func aNameThatChangesMeanwhileLeadsNowhereElse() async throws {
        let rig = try Rig(Row(dialect: .both, ignoresCase: true, isInMemory: false))
        try await rig.host.makeDirectory(rig.path("ours/x"))
        try await rig.host.makeDirectory(rig.path("OURS-theirs/kept"))
        let ours = try rig.confined(to: "ours")
        let (mine, aside, other, wrong) = (
            "\(rig.root)/ours", "\(rig.root)/aside", "\(rig.root)/OURS-theirs", "\(rig.root)/OURS"
        )
        let swapper = Thread {
            while !Thread.current.isCancelled {
                // Ours goes, and another's has a name by which ours is looked up.
                _ = rename(mine, aside)
                _ = rename(other, wrong)
                _ = rename(wrong, other)
                _ = rename(aside, mine)
            }
        }
        swapper.start()
        for _ in 0..<3000 {
            try? await ours.remove(rig.path("Ours/kept"), force: true)
            try? await ours.makeDirectory(rig.path("oURS/planted"))
        }
        swapper.cancel()
        while !swapper.isFinished { try await Task.sleep(for: .milliseconds(1)) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: other) == ["kept"])
    }

    /// Calls with full and with narrow rights never share an outcome.
    @Test func noOutcomeIsSharedAcrossConfinements() throws {
        func call(within name: String?) -> RegisteredOperation {
            RegisteredOperation(
                "x", "y", keys: [.inventory], value: 1,
                within: name.map { CallConfinement($0, roots: nil, disks: nil) })
        }
        #expect(call(within: "one") != call(within: nil))
        #expect(call(within: "one") != call(within: "two"))
        #expect(call(within: "one") == call(within: "one"))
    }
}

extension RealDiskTests {
    /// S6: a call that is confined to some disks meets no other's filesystem, by any path.
    @Suite struct S6ConfinedDisksTests {
        @Test(arguments: Resolution.allCases) func noPathLeadsOntoAnothersDisk(_ resolution: Resolution) async throws {
            let (mine, theirs) = (try LoopDisk(), try LoopDisk())
            let linked = try LinkedHost(resolution: resolution)
            let volumes = try await linked.formattedVolumes(on: [mine, theirs])
            for (volume, name) in zip(volumes, ["mine", "theirs"]) {
                try await linked.host.makeDirectory(linked.path(name))
                try await linked.host.mountVolume(volume, at: linked.path(name))
                try await linked.host.makeDirectory(linked.path("\(name)/dir"))
            }
            let names = try await linked.host.diskIdentifiers()
            let own = try #require(names[try mine.number])
            let ours = try linked.host.confined(to: CallConfinement("mine", roots: nil, disks: { $0 == own }))
            #expect(try await ours.pathExists(linked.path("mine/dir")))
            try await ours.makeDirectory(linked.path("mine/dir/new"))
            try await ours.makeDirectory(linked.path("shared"))
            #expect(try await ours.volume(mountedAt: linked.path("mine")) == volumes[0])
            var texts: Set<String> = []
            for name in ["theirs", "theirs/dir", "theirs/none"] {
                for (call, body) in S6ConfinementTests.calls(linked.path("shared/spare"))
                where call != "mount" && call != "unmount" {
                    let error = await expectError(.denied) { try await body(ours, linked.path(name)) }
                    if call == "exists", let error { texts.insert(error.detail) }
                }
            }
            // The same error, whether the path exists or not.
            #expect(texts.count == 1)
            try Command.run("ln", "-s", linked.path("theirs"), linked.path("shared/way"))
            await expectError(.denied) { _ = try await ours.volume(mountedAt: linked.path("shared/way")) }
            await expectError(.denied) { _ = try await ours.isSymlink(linked.path("shared/way")) }
            #expect(FileManager.default.fileExists(atPath: linked.path("theirs/dir")))
            // Ours above theirs: the unmount would affect theirs as well.
            let place = linked.path("stack")
            try Command.run("mkdir", place)
            let devices = try [mine, theirs].map { disk in
                try Command.run("findmnt", "-no", "SOURCE", linked.path(disk === mine ? "mine" : "theirs"))
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
            try Command.run("mount", devices[1], place)
            try Command.run("mount", devices[0], place)
            await expectError(.denied) { try await ours.remove(place, force: true) }
            try Command.run("umount", place)
            try Command.run("umount", place)
            // Ours on theirs: the way leads through theirs.
            try Command.run("mount", devices[0], linked.path("theirs/dir"))
            await expectError(.denied) { _ = try await ours.pathExists(linked.path("theirs/dir/dir")) }
            await expectError(.denied) { try await ours.remove(linked.path("theirs/dir"), force: true) }
            try Command.run("umount", linked.path("theirs/dir"))
            for name in ["mine", "theirs"] { try Command.run("umount", linked.path(name)) }
        }
    }
}
