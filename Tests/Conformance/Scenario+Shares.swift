// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

extension Scenario {
    /// One that takes an SMB server.
    private init(
        _ number: Int, shares title: String,
        run: @escaping @Sendable (_ host: any StorageHost, _ rig: any SMBRig) async throws -> Void
    ) {
        self.init(number, title) { host, rig in try await run(host, try #require(rig as? any SMBRig)) }
    }

    private func withoutEncryption() -> Scenario {
        var scenario = self
        scenario.encryptsShares = false
        return scenario
    }

    private static let account = Account(user: #"WORKGROUP\alice"#, password: "first, \"password\"")

    static let shares = [
        Scenario(29, shares: "a mapped share is the server's, until it is unmapped") { host, rig in
            let share = try await rig.addShare(for: account)
            let remote = try SMBRemotePath(share)
            try await rig.writeFile("from the server", named: "there", in: share)
            try await host.mapShare(remote, linkedAt: rig.path("link"), as: account.credentials)
            #expect(try await rig.mountedShares() == 1)
            #expect(try await host.isSymlink(rig.path("link")))
            #expect(try await rig.read(rig.path("link/there")) == "from the server")
            try await rig.write("from the host", to: rig.path("link/here"))
            #expect(try await rig.readFile(named: "here", in: share) == "from the host")

            try await host.unmapShare(remote)
            #expect(try await rig.mountedShares() == 0)
            await #expect(throws: (any Error).self) { try await rig.read(rig.path("link/there")) }
            #expect(try await host.pathExists(rig.path("link")), "links stay")
            try await host.remove(rig.path("link"), force: true)
            #expect(try await rig.readFile(named: "here", in: share) == "from the host")
        },
        Scenario(30, shares: "a guest needs no name") { host, rig in
            let remote = try SMBRemotePath(await rig.addShare(for: nil))
            try await host.mapShare(remote, linkedAt: nil, as: nil)
            #expect(try await rig.mountedShares() == 1)
            try await host.unmapShare(remote)
        }.withoutEncryption(),
        Scenario(30, shares: "what a guest sends cannot be encrypted") { host, rig in
            let remote = try SMBRemotePath(await rig.addShare(for: nil))
            await expectError(.denied) { try await host.mapShare(remote, linkedAt: nil, as: nil) }
            #expect(try await rig.mountedShares() == 0)
        },
        Scenario(30, shares: "a share that is not there, and a wrong password") { host, rig in
            let share = try await rig.addShare(for: account)
            let remote = try SMBRemotePath(share)
            let missing = try SMBRemotePath("//\(remote.share.server)/no-such-share")
            let missingPart = try SMBRemotePath(share + "/no-such-part")
            for remote in [missing, missingPart] {
                await expectError(.notFound) { try await host.mapShare(remote, linkedAt: nil, as: account.credentials) }
                #expect(try await rig.mountedShares() == 0)
            }
            let wrong = Account(user: account.user, password: "Wr0ng-password")
            let error = await expectError(.denied) {
                try await host.mapShare(remote, linkedAt: rig.path("link"), as: wrong.credentials)
            }
            #expect(error.map { !"\($0)".contains("Wr0ng") } == true)
            await expectError(.denied) { try await host.mapShare(remote, linkedAt: nil, as: nil) }
            #expect(try await rig.mountedShares() == 0)
            #expect(try await !host.pathExists(rig.path("link")))
        },
        Scenario(31, shares: "a share is mounted once, for all callers and all its parts") { host, rig in
            let share = try await rig.addShare(for: account)
            let remote = try SMBRemotePath(share)
            try await rig.addDirectory("Part", in: share)
            let spellings = [
                share, share.uppercased(), share.replacing("\\", with: "/"), share + "\\", share + "\\Part",
            ]
            for spelling in spellings {
                try await host.mapShare(SMBRemotePath(spelling), linkedAt: nil, as: account.credentials)
                #expect(try await rig.mountedShares() == 1)
            }
            try await host.mapShare(SMBRemotePath(share + "/Part"), linkedAt: rig.path("part"), as: account.credentials)
            #expect(try await rig.mountedShares() == 1)
            try await rig.write("in part", to: rig.path("part/file"))
            await expectError(.notFound) {
                try await host.mapShare(
                    SMBRemotePath(share + "/no-such-part"), linkedAt: rig.path("other"), as: account.credentials)
            }
            #expect(try await !host.pathExists(rig.path("other")))
            // The share itself, its part, and its part by the link.
            try await host.unmapShare(remote)
            for mounted in [1, 0] {
                try await host.unmapShare(SMBRemotePath(share + "/Part"))
                #expect(try await rig.mountedShares() == mounted)
            }
        },
        Scenario(31, shares: "a link is made where nothing is, beneath a root") { host, rig in
            let remote = try SMBRemotePath(await rig.addShare(for: account))
            _ = try await host.directory("taken", rig)
            for (path, code) in [
                (rig.path("taken"), StorageError.Code.alreadyExists), ("/etc/link", .denied),
                (rig.path("missing/link"), .notFound), ("relative", .invalidArgument), (rig.root, .denied),
            ] {
                await expectError(code) {
                    try await host.mapShare(remote, linkedAt: path, as: account.credentials)
                }
            }
            #expect(try await rig.mountedShares() == 0)
            await expectError(.notFound) { try await host.unmapShare(remote) }
        },
        Scenario(31, shares: "a changed password is no obstacle") { host, rig in
            let share = try await rig.addShare(for: account)
            let remote = try SMBRemotePath(share)
            try await host.mapShare(remote, linkedAt: rig.path("link"), as: account.credentials)
            let changed = Account(user: account.user, password: "second")
            try await rig.setPassword(changed.password, of: account.user, on: share)
            try await host.mapShare(remote, linkedAt: nil, as: changed.credentials)
            #expect(try await rig.mountedShares() == 1)
            try await rig.write("again", to: rig.path("link/file"))
            #expect(try await rig.readFile(named: "file", in: share) == "again")
        },
        Scenario(31, shares: "a server that was away is no obstacle once it is back") { host, rig in
            let share = try await rig.addShare(for: account)
            let remote = try SMBRemotePath(share)
            try await rig.writeFile("there", named: "file", in: share)
            try await host.mapShare(remote, linkedAt: rig.path("link"), as: account.credentials)
            try await rig.setReachable(share, false)
            await expectError(.unavailable) { try await host.mapShare(remote, linkedAt: nil, as: account.credentials) }
            try await rig.setReachable(share, true)
            try await host.mapShare(remote, linkedAt: nil, as: account.credentials)
            #expect(try await rig.mountedShares() == 1)
            #expect(try await rig.read(rig.path("link/file")) == "there")
        },
        Scenario(31, shares: "of two users of a share one goes and the other stays") { host, rig in
            let share = try await rig.addShare(for: account)
            let remote = try SMBRemotePath(share)
            try await rig.writeFile("there", named: "file", in: share)
            for name in ["one", "two"] {
                try await host.mapShare(remote, linkedAt: rig.path(name), as: account.credentials)
            }
            // As a driver does it, and the other way round.
            try await host.unmapShare(remote)
            try await host.remove(rig.path("one"), force: true)
            #expect(try await rig.read(rig.path("two/file")) == "there")
            try await host.mapShare(remote, linkedAt: rig.path("three"), as: account.credentials)
            try await host.remove(rig.path("two"), force: true)
            try await host.unmapShare(remote)
            #expect(try await rig.read(rig.path("three/file")) == "there")
            #expect(try await rig.mountedShares() == 1)
            try await host.unmapShare(remote)
            #expect(try await rig.mountedShares() == 0)
            await expectError(.notFound) { try await host.unmapShare(remote) }
        },
    ]
}
