// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import SambaServer
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// Shares as the kernel's cifs has them. Behaviour of all hosts is in the scenarios.
    @Suite(.timeLimit(.minutes(20))) struct ShareTests {
        private let user = "carol"
        private let password = "s3cret,=\"' of carol"

        private func credentials(_ password: String? = nil, of user: String? = nil) throws -> SMBCredentials {
            try SMBCredentials(user: user ?? self.user, password: Secret(password ?? self.password))
        }

        /// A server with a share, and the share's directory there.
        private func server(
            _ settings: String..., at addresses: String...
        ) throws -> (SambaServer, remote: SMBRemotePath, directory: String) {
            let server = try SambaServer(settings, addresses: addresses)
            try server.setPassword(password, of: user)
            let directory = try server.addShare("data", for: user)
            return (server, try SMBRemotePath("//\(server.address)/data"), directory)
        }

        private func mounts(_ linked: LinkedHost) throws -> [Mount] {
            try MountTable.read().filter { $0.type == "cifs" && $0.target.hasPrefix(linked.scratch.path) }
        }

        private func place(_ share: String, of server: SambaServer, _ linked: LinkedHost) -> String {
            "\(linked.path(".smb"))/\(server.address)/\(share)/\(user)"
        }

        // MARK: - Encryption and names

        /// The first here to mount a share: a module that has been used is not unloaded any more.
        @Test func aKernelWithoutNamesInUTF8SaysSo() async throws {
            let (server, remote, _) = try server()
            defer { withExtendedLifetime(server) {} }
            try #require(!FileManager.default.fileExists(atPath: "/sys/module/nls_utf8"))
            let module = try Command.run("modinfo", "--field", "filename", "nls_utf8")
            // The kernel looks for it in the mount namespace of the first process.
            let first = ["nsenter", "--target", "1", "--mount"]
            try Command.run(first + ["mount", "--bind", "/dev/null", module])
            let linked = try LinkedHost()
            await expectError(.unsupported, "nls_utf8", remote.share.server) {
                try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            }
            #expect(try mounts(linked).isEmpty)
            try Command.run(first + ["umount", module])
            try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            try await linked.host.unmapShare(remote)
        }

        @Test func connectionsAreEncryptedUnlessConfiguredOtherwise() async throws {
            let (server, remote, _) = try server("server smb encrypt = off")
            defer { withExtendedLifetime(server) {} }
            let linked = try LinkedHost()
            await expectError(.denied, "does not encrypt") {
                try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            }
            #expect(try mounts(linked).isEmpty)
            let open = try LinkedHost { $0.requiresSMBEncryption = false }
            try await open.host.mapShare(remote, linkedAt: nil, as: credentials())
            try await open.host.unmapShare(remote)
        }

        @Test func aServerIsFoundByNameAndByAddressesOfBothKinds() async throws {
            try Command.run("modprobe", "ipv6")
            try Command.run("ip", "address", "add", "::77/128", "dev", "lo")
            let (server, remote, directory) = try server(at: "::77/128")
            try "there".write(toFile: "\(directory)/file", atomically: false, encoding: .utf8)
            try "127.0.0.1 files.example\n\(server.address) files.example\n".write(
                toFile: "/etc/hosts", atomically: false, encoding: .utf8)
            for name in [server.address, "files.example", "FILES.example", "[::77]", "0--77.ipv6-literal.net"] {
                let linked = try LinkedHost()
                try await linked.host.makeDirectory(linked.path("stage"))
                let named = try SMBRemotePath("//\(name)/\(remote.share.name)")
                try await linked.host.mapShare(named, linkedAt: linked.path("stage/link"), as: credentials())
                #expect(try String(contentsOfFile: linked.path("stage/link/file"), encoding: .utf8) == "there")
                #expect(try mounts(linked).count == 1)
                // No other user of this machine has the rights of the share's user, and nothing on it has root's.
                #expect(try Command.run("stat", "--format", "%a", linked.path(".smb")) == "700")
                let options = try Command.run("findmnt", "--noheadings", "--output", "OPTIONS", "--type", "cifs")
                #expect(options.contains("nosuid,nodev"))
                try await linked.host.unmapShare(named)
                #expect(try mounts(linked).isEmpty)
            }
            await expectError(.unavailable, "name is not resolved") {
                let nowhere = try SMBRemotePath("//nowhere.invalid/data")
                try await LinkedHost().host.mapShare(nowhere, linkedAt: nil, as: credentials())
            }
        }

        /// Of one, two, three and four bytes in UTF-8; composed and decomposed; of one and two units in UTF-16, and of
        /// several scalars; characters that Windows reserves are part of other names there.
        private static let names = [
            "plain", "ä", "a\u{308}", "Größe €", "日本", "한국어", "ไทย", "עברית", "😀", "𝄞 clef", "👩‍👩‍👧", "葛\u{E0100}", "ﬀ",
            "İi",
        ]

        @Test func namesInEveryScriptAreTheSameOnBothSides() async throws {
            let (server, remote, directory) = try server()
            defer { withExtendedLifetime(server) {} }
            let linked = try LinkedHost()
            try await linked.host.makeDirectory(linked.path("stage"))
            try await linked.host.mapShare(remote, linkedAt: linked.path("stage/link"), as: credentials())
            let here = linked.path("stage/link")
            func names(in place: String) throws -> Set<[UInt8]> {
                Set(try FileManager.default.contentsOfDirectory(atPath: place).map { Array($0.utf8) })
            }
            for name in Self.names {
                // Each way, whole and as the name of a directory.
                for (from, to) in [(directory, here), (here, directory)] {
                    try FileManager.default.createDirectory(
                        atPath: "\(from)/\(name)/\(name)", withIntermediateDirectories: true)
                    try name.write(toFile: "\(from)/\(name)/\(name)/file", atomically: false, encoding: .utf8)
                    #expect(try String(contentsOfFile: "\(to)/\(name)/\(name)/file", encoding: .utf8) == name)
                    #expect(try names(in: to).contains(Array(name.utf8)), "\(name)")
                    #expect(try names(in: "\(to)/\(name)") == [Array(name.utf8)], "\(name)")
                    // Foundation takes a directory of a share for a file.
                    try Command.run("rm", "--recursive", "\(to)/\(name)")
                    #expect(try !names(in: from).contains(Array(name.utf8)), "\(name)")
                }
            }
            try await linked.host.unmapShare(remote)
        }

        /// The share, a directory of it and the password.
        @Test func namesInEveryScriptAreThoseOfSharesToo() async throws {
            let (server, _, _) = try server()
            let word = "pässwörd € 😀"
            try server.setPassword(word, of: user)
            for name in ["Größe", "日本", "data😀"] {
                let directory = try server.addShare(name, for: user)
                try FileManager.default.createDirectory(
                    atPath: "\(directory)/\(name) inside", withIntermediateDirectories: true)
                try name.write(toFile: "\(directory)/\(name) inside/file", atomically: false, encoding: .utf8)
                let remote = try SMBRemotePath("//\(server.address)/\(name)/\(name) inside")
                let linked = try LinkedHost()
                try await linked.host.makeDirectory(linked.path("stage"))
                try await linked.host.mapShare(remote, linkedAt: linked.path("stage/link"), as: credentials(word))
                #expect(try String(contentsOfFile: linked.path("stage/link/file"), encoding: .utf8) == name)
                try await linked.host.unmapShare(remote)
                #expect(try mounts(linked).isEmpty)
            }
        }

        // MARK: - Users

        @Test func mappingsAndTheirUsersOutliveTheProcess() async throws {
            let (server, remote, directory) = try server()
            try "there".write(toFile: "\(directory)/file", atomically: false, encoding: .utf8)
            let first = try LinkedHost()
            try await first.host.makeDirectory(first.path("stage"))
            for name in ["one", "two"] {
                try await first.host.mapShare(remote, linkedAt: first.path("stage/\(name)"), as: credentials())
            }
            let second = try LinkedHost(restarting: first)
            try await second.host.unmapShare(remote)
            try await second.host.remove(second.path("stage/one"), force: true)
            #expect(try String(contentsOfFile: second.path("stage/two/file"), encoding: .utf8) == "there")
            // The password is known to no process any more, and may have been changed.
            try server.setPassword("another", of: user)
            // The kernel's session reconnects with the old one again and again, and fails from now on.
            server.stop()
            try server.start()
            try await second.host.mapShare(remote, linkedAt: second.path("stage/three"), as: credentials("another"))
            #expect(try mounts(second).count == 1)
            #expect(try String(contentsOfFile: second.path("stage/two/file"), encoding: .utf8) == "there")

            let third = try LinkedHost(restarting: first)
            // Made again, the call takes nothing away from the other.
            for _ in 0..<2 {
                try await third.host.unmapShare(remote)
                #expect(try String(contentsOfFile: third.path("stage/three/file"), encoding: .utf8) == "there")
            }
            try await third.host.remove(third.path("stage/two"), force: true)
            try await third.host.unmapShare(remote)
            #expect(try mounts(third).isEmpty)
            await expectError(.notFound) { try await third.host.unmapShare(remote) }
            #expect(!FileManager.default.fileExists(atPath: third.path(".smb")), "nothing is left")
            #expect(try Command.run("find", third.scratch.path + "/state/shares", "-type", "f").isEmpty)
        }

        /// A mapping without a record of its users is not taken away from them.
        @Test func withoutARecordOfItsUsersAShareStaysMounted() async throws {
            let (server, remote, _) = try server()
            defer { withExtendedLifetime(server) {} }
            let first = try LinkedHost()
            try await first.host.mapShare(remote, linkedAt: nil, as: credentials())
            try FileManager.default.removeItem(atPath: "\(first.scratch.path)/state/shares")
            let second = try LinkedHost(restarting: first)
            try await second.host.unmapShare(remote)
            #expect(try mounts(second).count == 1)
            // Nor by others that come and go.
            try await second.host.mapShare(remote, linkedAt: nil, as: credentials())
            try await second.host.unmapShare(remote)
            #expect(try mounts(second).count == 1)
        }

        @Test func usersOfOneShareHaveEachTheirOwnRights() async throws {
            let (server, remote, _) = try server()
            try server.setPassword("dave's", of: "dave")
            let other = try server.addShare("data-of-dave", for: "dave")
            let linked = try LinkedHost()
            try await linked.host.makeDirectory(linked.path("stage"))
            try await linked.host.mapShare(remote, linkedAt: linked.path("stage/carol"), as: credentials())
            await expectError(.denied, "dave") {
                try await linked.host.mapShare(remote, linkedAt: nil, as: credentials("dave's", of: "dave"))
            }
            #expect(!other.isEmpty)

            // Of one that both may use, the one leaves whose link is gone.
            _ = try server.addShare("common", for: "carol dave")
            let common = try SMBRemotePath("//\(server.address)/common")
            try await linked.host.mapShare(common, linkedAt: linked.path("stage/a"), as: credentials())
            try await linked.host.mapShare(
                common, linkedAt: linked.path("stage/b"), as: credentials("dave's", of: "DAVE"))
            try await linked.host.mapShare(
                common, linkedAt: linked.path("stage/c"), as: credentials("dave's", of: "dave"))
            let three = try mounts(linked)
            #expect(three.count == 3)
            try await linked.host.mapShare(common, linkedAt: nil, as: credentials())
            #expect(try mounts(linked) == three, "what works is not mounted anew")
            for link in ["b", "c"] {
                try await linked.host.remove(linked.path("stage/\(link)"), force: true)
                try await linked.host.unmapShare(common)
            }
            #expect(try mounts(linked).map(\.target).sorted().allSatisfy { !$0.contains("dave") })
            try "mine".write(toFile: linked.path("stage/a/file"), atomically: false, encoding: .utf8)
            for _ in 0..<2 { try await linked.host.unmapShare(common) }
            try await linked.host.unmapShare(remote)
            #expect(try mounts(linked).isEmpty)
        }

        /// An unused mapping goes at the next start, with any name of its share.
        @Test func unusedMappingsAreTakenAwayAtTheNextStart() async throws {
            let (server, _, _) = try server()
            _ = try server.addShare("My Data", for: user)
            let remote = try SMBRemotePath("//\(server.address)/My Data")
            let linked = try LinkedHost()
            try await linked.host.makeDirectory(linked.path("stage"))
            let links = ["a", "b"].map { linked.path("stage/\($0)") }
            for link in links { try await linked.host.mapShare(remote, linkedAt: link, as: credentials()) }
            // Whose links are removed after the calls.
            for _ in links { try await linked.host.unmapShare(remote) }
            for link in links { try FileManager.default.removeItem(atPath: link) }
            #expect(try mounts(linked).count == 1)
            let next = try LinkedHost(restarting: linked)
            await next.host.backend.recover()
            try await eventually("the share has been taken away") { try mounts(next).isEmpty }
        }

        /// Else it would never be taken away.
        @Test func whatCannotBeRecordedIsNotMounted() async throws {
            let (server, remote, _) = try server()
            let linked = try LinkedHost()
            // Where the record is to be written first.
            let place = "\(linked.scratch.path)/state/shares/\(server.address)/data/\(user)%new"
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            await #expect(throws: StorageError.self) {
                try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            }
            #expect(try mounts(linked).isEmpty)
            try FileManager.default.removeItem(atPath: place)
            try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            try await linked.host.unmapShare(remote)
            #expect(try mounts(linked).isEmpty)
        }

        // MARK: - S8

        /// S8: a server that takes connections and then never answers delays its own share alone. A kernel that mounts
        /// it mounts no other meanwhile.
        @Test func aServerThatHangsHoldsUpItsShareAlone() async throws {
            // Each of its addresses is asked for a while.
            for address in ["127.76.0.1", "127.76.0.2"] {
                try Command.run("ip", "address", "add", "\(address)/32", "dev", "lo")
            }
            let (frozen, _, _) = try server(at: "127.76.0.1/32", "127.76.0.2/32")
            try "\(frozen.address) frozen.example\n127.76.0.1 frozen.example\n127.76.0.2 frozen.example\n".write(
                toFile: "/etc/hosts", atomically: false, encoding: .utf8)
            let remote = try SMBRemotePath("//frozen.example/data")
            let (other, otherRemote, _) = try server()
            defer { withExtendedLifetime(other) {} }
            let linked = try LinkedHost()
            frozen.freeze()
            defer { frozen.thaw() }
            let hung = Task { try await linked.host.mapShare(remote, linkedAt: nil, as: credentials()) }
            try await linked.running("map share \(remote) as \(user)")
            // A step that had to wait would find it ended.
            var doneMeanwhile: Set<String> = []
            func step(_ name: String, _ work: () async throws -> Void) async throws {
                try await work()
                if linked.host.operations.running.map(\.operation.name) == ["map share"] { doneMeanwhile.insert(name) }
            }
            for _ in 0..<3 {
                try await step("disks") { _ = try await linked.host.diskIdentifiers() }
                try await step("path") { try await linked.host.makeDirectory(linked.path("other")) }
                try await step("share") {
                    try await linked.host.mapShare(otherRemote, linkedAt: nil, as: credentials())
                }
                try await linked.host.unmapShare(otherRemote)
            }
            #expect(doneMeanwhile == ["disks", "path", "share"])
            await expectError(.unavailable, "does not answer") { try await hung.value }
        }

        /// S8: a call for a share that is mounted fails long before the kernel gives its server up.
        @Test func aMappingWhoseServerHangsIsUnavailable() async throws {
            let (server, remote, _) = try server()
            let linked = try LinkedHost()
            try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            server.freeze()
            defer { server.thaw() }
            let kernel = try HoldingProcess(#"echo; exec stat --file-system "$0""#, place("data", of: server, linked))
            await expectError(.unavailable, "does not answer") {
                try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            }
            #expect(kernel.isRunning)
        }

        /// S8: nor does an unmap wait for it; the kernel's logoff waits in a queue of its own.
        @Test func aMappingWhoseServerHangsIsTakenAway() async throws {
            let (server, remote, _) = try server()
            _ = try server.addShare("more", for: user)
            let linked = try LinkedHost()
            try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            try await linked.host.mapShare(
                SMBRemotePath("//\(server.address)/more"), linkedAt: nil, as: credentials())
            server.freeze()
            defer { server.thaw() }
            let kernel = try HoldingProcess(
                #"echo; exec umount --lazy --no-canonicalize "$0""#, place("more", of: server, linked))
            try await linked.host.unmapShare(remote)
            #expect(kernel.isRunning)
            #expect(try !mounts(linked).contains { $0.target == place("data", of: server, linked) })
        }

        /// Callers cannot name the directory that links lead to: the rights there are others'.
        @Test func s6SharesAreReachedByTheirLinksAlone() async throws {
            let (server, remote, directory) = try server()
            try "there".write(toFile: "\(directory)/file", atomically: false, encoding: .utf8)
            let linked = try LinkedHost()
            try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            let place = place("data", of: server, linked)
            #expect(FileManager.default.fileExists(atPath: "\(place)/file"))
            for path in [place, "\(place)/file", linked.path(".smb"), linked.path(".SMB/x")] {
                await expectError(.denied, "shares") { try await linked.host.remove(path, force: true) }
                await expectError(.denied, "shares") { _ = try await linked.host.pathExists(path) }
            }
            await expectError(.denied, "shares") { try await linked.host.removeContents(of: place) }
            await expectError(.denied, "shares") {
                try await linked.host.createSymlink(at: linked.path("link"), to: place)
            }
            try await linked.host.unmapShare(remote)
            #expect(FileManager.default.fileExists(atPath: "\(directory)/file"))
        }

        /// S8: and one that is gone does not keep its mapping from being taken away.
        @Test func aMappingWhoseServerIsGoneIsTakenAway() async throws {
            let (server, remote, _) = try server()
            let linked = try LinkedHost()
            try await linked.host.makeDirectory(linked.path("stage"))
            try await linked.host.mapShare(remote, linkedAt: linked.path("stage/link"), as: credentials())
            server.stop()
            await expectError(.unavailable) {
                try await linked.host.mapShare(remote, linkedAt: nil, as: credentials())
            }
            #expect(try await linked.host.pathExists(linked.path("stage/link")), "asked of the link, not of the server")
            try await linked.host.unmapShare(remote)
            try await linked.host.remove(linked.path("stage/link"), force: true)
            #expect(try mounts(linked).isEmpty)
        }
    }
}
