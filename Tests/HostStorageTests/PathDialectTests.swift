// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// Which spellings are taken, and which one callers get.
@Suite struct PathDialectTests {
    static func policy(_ dialect: PathDialect) throws -> PathPolicy {
        try PathPolicy(
            roots: [#"C:\var\lib\kubelet"#, #"D:\"#], drives: ["C": "/srv/windows", "D": "/data", "E": "/data/e"],
            dialect: dialect)
    }

    @Test func eachDialectTakesItsOwnSpelling() throws {
        let windows = #"C:\var\lib\kubelet\x"#
        let posix = "/srv/windows/var/lib/kubelet/x"
        for (dialect, accepted, refused) in [
            (PathDialect.windows, [windows], [posix]), (.posix, [posix], [windows]), (.both, [windows, posix], []),
        ] {
            let policy = try Self.policy(dialect)
            for text in accepted { #expect(try policy.resolve(text).hostPath == posix) }
            for text in refused { expectError(.invalidArgument) { try policy.resolve(text) } }
        }
        expectError(.invalidArgument, "not an absolute path") { try Self.policy(.posix).resolve(windows) }
        expectError(.invalidArgument, "not an absolute path") {
            try Self.policy(.posix).resolve(#"\var\lib\kubelet\x"#, driveless: .onDriveC)
        }
    }

    /// Drivers pass the kubelet's paths on: with no drive, and with either separator.
    @Test(arguments: [#"\var\lib\kubelet\pods\x"#, "/var/lib/kubelet/pods/x", #"\VAR\lib\kubelet\pods\x\"#])
    func aPathWithoutADriveIsOnDriveCWhereDriversSendIt(_ text: String) throws {
        let policy = try Self.policy(.windows)
        let path = try policy.resolve(text, driveless: .onDriveC)
        #expect(path.hostPath == "/srv/windows/var/lib/kubelet/pods/x")
        #expect(path.description == #"C:\var\lib\kubelet\pods\x"#)
        expectError(.invalidArgument) { try policy.resolve(text) }
    }

    @Test(arguments: [
        #"\var\lib\kubelet/.."#, #"/var/lib/kubelet\\x"#, "/var/lib/kubelet/..", "/var/lib/kubelet//x",
        "/var/lib/kubelet/CON", "/var/lib/kubelet/a:b", #"\\server\share"#, "//server/share", #"\??\C:\x"#,
    ])
    func aPathWithoutADriveIsJudgedAsAWindowsPath(_ text: String) throws {
        expectError(.invalidArgument) { try Self.policy(.windows).resolve(text, driveless: .onDriveC) }
    }

    @Test func withoutDriveAPathIsAsLongAsWithOne() throws {
        let policy = try Self.policy(.windows)
        let start = #"\var\lib\kubelet\"#
        let longest = start + String(repeating: "x", count: 258 - start.utf8.count)
        let path = try policy.resolve(longest, driveless: .onDriveC)
        #expect(try policy.resolve(path.description) == path)
        expectError(.invalidArgument, "path length 261") { try policy.resolve(longest + "x", driveless: .onDriveC) }
    }

    @Test func pathsAreDisplayedInTheDialectsSpelling() throws {
        for dialect in [PathDialect.both, .posix] {
            let policy = try Self.policy(dialect)
            #expect(try policy.resolve("/data/x").description == "/data/x")
            expectError(.denied, "directories: /srv/windows/var/lib/kubelet, /data") { try policy.resolve("/etc") }
        }
        let policy = try Self.policy(.windows)
        #expect(try policy.resolve(#"d:\"#).description == #"D:\"#)
        #expect(try policy.resolve(#"d:\x"#).description == #"D:\x"#)
        #expect(try policy.resolve(#"c:\VAR\LIB\KUBELET\X"#).description == #"C:\var\lib\kubelet\X"#)
        #expect(try policy.resolve(#"d:\x\y"#).parent?.description == #"D:\x"#)
        expectError(.denied, #"directories: C:\var\lib\kubelet, D:"#) { try policy.resolve(#"C:\Windows"#) }
    }

    /// A path that callers get is one that they may send, for every path.
    @Test(arguments: PathDialect.allCases) func displayedPathsResolveToTheSamePlace(_ dialect: PathDialect) throws {
        let policy = try Self.policy(dialect)
        let names = [
            "x", "X", "two words", "größe", "\u{E9}", "e\u{301}", "a..b", ".hidden", "日本", "\u{1F4BE}", "a'b%c",
        ]
        var texts: [String] = []
        for root in ["/srv/windows/var/lib/kubelet", "/data", "/data/e"] {
            texts.append(root)
            for first in names { for second in names { texts.append("\(root)/\(first)/\(second)") } }
        }
        for text in texts {
            // Of the host's own spelling only the policy's own way in.
            let path = try policy.place(hostPath: text)
            #expect(path.hostPath == text)
            let back = try policy.resolve(path.description)
            #expect(back == path && Array(back.hostPath.utf8) == Array(text.utf8), "\(path)")
        }
    }

    @Test func inTheWindowsDialectEveryRootIsOnADrive() throws {
        expectError(.invalidArgument, "is on no drive") {
            try PathPolicy(roots: ["/data"], drives: ["C": "/srv/windows"], dialect: .windows)
        }
        // A root that no caller could name.
        expectError(.invalidArgument) { try PathPolicy(roots: ["/srv/a:b"], dialect: .windows) }
        #expect(
            try PathPolicy(roots: ["/srv/a b"], dialect: .windows).resolve(#"C:\srv\a b\x"#).hostPath == "/srv/a b/x")
    }

    /// Where csi-proxy does not check paths, Windows takes either separator; where it checks them, it takes one.
    @Test func theVolumeMethodsTakeEitherSeparator() throws {
        let policy = try PathPolicy(roots: [#"C:\var\lib\kubelet"#], dialect: .windows)
        for text in [
            "C:/var/lib/kubelet/x", #"C:\var/lib\kubelet/x"#, #"\var/lib/kubelet\x"#, "/var/lib/kubelet/x",
            "C:/var/lib/kubelet/x/",
        ] {
            #expect(try policy.resolve(text, driveless: .onDriveC).hostPath == "/var/lib/kubelet/x", "\(text)")
            expectError(.invalidArgument) { try policy.resolve(text) }
        }
        for text in ["C:/var/lib/kubelet/../x", "C:/var/lib/kubelet//x", "C:/var/lib/kubelet/nul"] {
            expectError(.invalidArgument) { try policy.resolve(text, driveless: .onDriveC) }
        }
    }

    @Test func fromWindows11OnFewerNamesAreDevices() throws {
        let root = #"C:\var\lib\kubelet"#
        let (ten, eleven) = (
            try PathPolicy(roots: [root], dialect: .windows),
            try PathPolicy(roots: [root], dialect: .windows, deviceNames: .windows11)
        )
        for name in ["nul.txt", "con", "COM1.tar.gz", "aux.c"] {
            expectError(.invalidArgument, "device") { try ten.resolve("\(root)\\\(name)") }
            #expect(try eleven.resolve("\(root)\\\(name)").name == name)
        }
        for policy in [ten, eleven] {
            expectError(.invalidArgument, "device") { try policy.resolve("\(root)\\NUL") }
            expectError(.invalidArgument) { try policy.resolve("\(root)\\nul. ") }
        }
    }

    // MARK: - Answers of a host

    @Test func errorsAndHoldersNamePathsInWindowsSpelling() async throws {
        let host = MemoryHost(
            settings: HostSettings(
                paths: try PathPolicy(
                    roots: [#"C:\var\lib\kubelet"#], drives: ["C": "/srv/windows"], dialect: .windows)))
        let disk = try host.backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]))
        let volume = try #require(try await host.volumes(on: disk, partition: nil).first)
        let stage = #"C:\var\lib\kubelet\stage"#
        let isInPOSIX = { (error: StorageError?) in
            error.map { "\($0)".contains(stage) && !"\($0)".contains("/srv/windows") } ?? false
        }
        #expect(isInPOSIX(await expectError(.notFound) { try await host.mountVolume(volume, at: stage) }))
        #expect(isInPOSIX(await expectError(.notFound) { try await host.remove(stage, force: false) }))
        try await host.makeDirectory(stage)
        #expect(isInPOSIX(await expectError(.failedPrecondition) { try await host.volume(mountedAt: stage) }))
        try await host.mountVolume(volume, at: stage)
        let other = #"C:\var\lib\kubelet\other"#
        try await host.makeDirectory(other)
        try await host.mountVolume(volume, at: other)
        #expect(
            try await host.unmountVolume(volume, from: other)
                == .stillHeld(by: [.mount(target: stage, seenByProcess: nil)]))
        // The host's own table keeps the host's spelling.
        #expect(Array(host.backend.mounts.keys) == ["/srv/windows/var/lib/kubelet/stage"])
    }
}
