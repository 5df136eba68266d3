// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// Facts about shares that take no kernel that mounts them.
@Suite struct ShareMappingTests {
    private let share: SMBShare

    init() throws { share = try SMBRemotePath(#"\\Server.Example\Data$"#).share }

    private func mapping(_ user: String) throws -> ShareMapping {
        ShareMapping(share, as: try SMBCredentials(user: user, password: Secret("x")))
    }

    // MARK: - Names

    @Test func everyUserHasADirectoryOfTheirOwnAndNoneLeadsElsewhere() throws {
        let users = [
            "guest", "%guest", "%67uest", "a", "..", ".", "a/b", "a%2fb", #"DOMAIN\a"#, "domain+a", "a b", "ä",
            "*",
        ]
        let owners = try users.map { try mapping($0).owner } + [ShareMapping(share, as: nil).owner]
        #expect(Set(owners).count == owners.count)
        for owner in owners { #expect(!owner.contains("/") && !owner.hasPrefix(".") && !owner.contains("\\")) }
        #expect(try mapping(#"Domain\Alice"#) == mapping(#"DOMAIN\ALICE"#))
        #expect(try mapping("alice").directories == ["server.example", "data$", "alice"])
    }

    @Test func namesThatAreAddressesAreTakenForThem() {
        #expect(ServerAddress.literal("[::1]") == "::1")
        #expect(ServerAddress.literal("2001-db8--1.ipv6-literal.net") == "2001:db8::1")
        #expect(ServerAddress.literal("fe80--1s4.ipv6-literal.net") == "fe80::1%4")
        for name in ["server", "192.0.2.7", "ipv6-literal.net"] { #expect(ServerAddress.literal(name) == nil) }
    }

    // MARK: - Records

    @Test func everyRecordIsFoundForAnyNameOfItsShare() throws {
        let scratch = try ScratchDirectory()
        let records = try ShareRecords(stateDirectory: scratch.path)
        var mappings: Set<ShareMapping> = []
        for name in [
            #"\\[2001:db8::1]\data"#, #"\\server\My Data"#, #"\\server\100%25"#, #"\\server\ä"#, #"\\server\.x."#,
        ] {
            let remote = try SMBRemotePath(name)
            var users = SMBUsers()
            users.add(remote, link: nil)
            let mapping = ShareMapping(remote.share, as: try SMBCredentials(user: #"D\a b"#, password: Secret("x")))
            try records.set(users, of: mapping)
            mappings.insert(mapping)
        }
        #expect(mappings.count == 5)
        #expect(try Set(records.all()) == mappings)
    }

    @Test func aRecordKeepsAllThatIsKnownOfTheUsers() throws {
        let remote = try SMBRemotePath("//server/share")
        let policy = try PathPolicy(roots: ["/srv"])
        let odd = try policy.place(hostPath: #"/srv/a b=c d=/e"#)
        var users = SMBUsers()
        users.add(remote, link: odd)
        users.add(remote, link: try policy.resolve("/srv/gone"))
        users.add(try SMBRemotePath("//server/share/part"), link: nil)
        try users.update { $0 == "/srv/gone" }
        #expect(users.leave(try SMBRemotePath("//server/share/part")))
        for users in [users, .unknown, SMBUsers()] { #expect(SMBUsers(text: users.text) == users) }
        for text in ["link=/a", "remote=nonsense", "remote=//a/b\ndepartures=-1", "other=1"] {
            #expect(SMBUsers(text: text) == nil, "\(text)")
        }
    }

    @Test func recordsOutliveTheProcessAndOfAnotherBootOnlyLinksCount() throws {
        let scratch = try ScratchDirectory()
        let remote = try SMBRemotePath(#"\\server.example\data$"#)
        let (alice, bob) = (try mapping("alice"), try mapping("bob"))
        let link = try PathPolicy(roots: ["/srv"]).resolve("/srv/link")
        let records = try ShareRecords(stateDirectory: scratch.path)
        var users = SMBUsers()
        users.add(remote, link: link)
        users.add(remote, link: nil)
        try records.set(users, of: alice)
        try records.set(users, of: bob)

        let later = try ShareRecords(stateDirectory: scratch.path)
        #expect(try later.mappings(of: share) == [alice, bob])
        #expect(try later.users(of: alice) == users)
        let file = "\(scratch.path)/shares/server.example/data$/alice"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing("boot=", with: "boot=another-").write(toFile: file, atomically: false, encoding: .utf8)
        var links = SMBUsers()
        links.add(remote, link: link)
        #expect(try later.users(of: alice) == links)

        // A record that cannot be parsed leaves the users unknown.
        try "boot=x\nnonsense".write(toFile: file, atomically: false, encoding: .utf8)
        #expect(try later.users(of: alice) == nil)
        try later.remove(alice)
        try later.remove(bob)
        #expect(try later.mappings(of: share).isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/shares").isEmpty)
    }
}

extension RealDiskTests {
    @Suite struct ShareMountTests {
        /// A kernel without cifs reports that; one with it finds no such server.
        @Test func withoutAServerOrAKernelThatCanNothingIsMounted() async throws {
            let hasCifs =
                try Command.run("sh", "-c", "modprobe cifs 2>/dev/null; grep -c cifs /proc/filesystems || true") != "0"
            let linked = try LinkedHost()
            try await linked.host.makeDirectory(linked.path("stage"))
            let remote = try SMBRemotePath(#"\\nowhere.invalid\data"#)
            await expectError(hasCifs ? .unavailable : .unsupported, hasCifs ? "not resolved" : "no cifs") {
                try await linked.host.mapShare(
                    remote, linkedAt: linked.path("stage/link"),
                    as: SMBCredentials(user: "carol", password: Secret("x")))
            }
            #expect(try await !linked.host.pathExists(linked.path("stage/link")))
            await expectError(.notFound) { try await linked.host.unmapShare(remote) }
        }

        /// Where a mapping is mounted anew, a writer through its link must not find the directory below it.
        @Test func oneMountTakesAnothersPlaceWithoutAMomentInBetween() async throws {
            let scratch = try ScratchDirectory()
            try FileManager.default.createDirectory(atPath: "\(scratch.path)/place", withIntermediateDirectories: true)
            let directory = try Descriptor.opened(scratch.path, cls_O_PATH | O_DIRECTORY)
            try MountReplacement.put(Self.mount("0"), at: "place", in: directory, "place")
            let watch = Task.detached { [path = scratch.path] in
                var missing = 0
                while !Task.isCancelled {
                    if access("\(path)/place/marker", F_OK) != 0 { missing += 1 }
                }
                return missing
            }
            for number in 1...300 {
                try MountReplacement.put(Self.mount("\(number)"), at: "place", in: directory, "place")
            }
            watch.cancel()
            #expect(await watch.value == 0)
            #expect(try String(contentsOfFile: "\(scratch.path)/place/marker", encoding: .utf8) == "300")
            #expect(try MountTable.read().count { $0.target == "\(scratch.path)/place" } == 1)
            try MountReplacement.detach("place", in: directory, "place")
            #expect(try !MountReplacement.isMounted("place", in: directory, "place"))
        }

        /// The last user of a detached mount waits until its server, or here its disk, has answered.
        @Test func aDetachedMountThatHangsKeepsNoOtherFromItsEnd() async throws {
            let scratch = try ScratchDirectory()
            let file = try FaultyFile(size: 64 << 20)
            let (faulty, good) = (try file.attach(), try LoopDisk(size: 64 << 20))
            // Before the disks are taken away, which would wait for it.
            defer { _ = try? file.order(.none) }
            for (name, disk) in [("faulty", faulty), ("good", good)] {
                try Command.run("mkfs.ext4", "-q", disk.device)
                try Command.run("mkdir", "\(scratch.path)/\(name)")
                try Command.run("mount", disk.device, "\(scratch.path)/\(name)")
                try "unwritten".write(toFile: "\(scratch.path)/\(name)/data", atomically: false, encoding: .utf8)
            }
            let directory = try Descriptor.opened(scratch.path, cls_O_PATH | O_DIRECTORY)
            func isFree(_ disk: LoopDisk) -> Bool { (try? Descriptor(opening: disk.device, O_RDONLY | O_EXCL)) != nil }
            try file.order(.hang)
            try MountReplacement.detach("faulty", in: directory, "faulty")
            try await eventually("the end of the first mount writes to its disk and hangs") {
                try file.order(.hang) > 0
            }
            try MountReplacement.detach("good", in: directory, "good")
            try await eventually("the other mount ends meanwhile", within: .seconds(60)) { isFree(good) }
            #expect(!isFree(faulty), "the first has not ended")
            try file.order(.none)
            try await eventually("the first mount ends when its disk answers") { isFree(faulty) }
        }

        private static func mount(_ text: String) throws -> Descriptor {
            let mount = try MountContext("tmpfs", "tmpfs").mount()
            let file = Descriptor(owning: openat(mount.raw, "marker", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600))
            #expect(write(file.raw, text, text.utf8.count) == text.utf8.count)
            return mount
        }
    }
}
