// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Testing

/// A mapping goes with the last of its users and not before, in whichever order calls and links go.
@Suite struct SMBUsersTests {
    let remote: SMBRemotePath
    let part: SMBRemotePath
    let links: [HostPath]

    init() throws {
        remote = try SMBRemotePath("//server/share")
        part = try SMBRemotePath("//server/share/part")
        let policy = try PathPolicy(roots: ["/srv"])
        links = try ["a", "b", "c"].map { name throws(StorageError) in try policy.resolve("/srv/\(name)") }
    }

    @Test func oneUserComesAndGoes() {
        var users = SMBUsers()
        #expect(users.isEmpty)
        users.add(remote, link: nil)
        users.add(remote, link: nil)
        #expect(!users.isEmpty)
        expectLeave(&users, remote, true)
        #expect(users.isEmpty)
        expectLeave(&users, remote, false)
        users.add(remote, link: nil)
        #expect(!users.isEmpty, "it is back")
    }

    @Test func remotePathsCountEachForItself() {
        var users = SMBUsers()
        users.add(remote, link: links[0])
        users.add(part, link: links[1])
        expectLeave(&users, part, true)
        expectLeave(&users, part, false)
        #expect(!users.isEmpty)
        expectLeave(&users, remote, true)
        #expect(users.isEmpty)
    }

    /// A driver may take the user away before or after it removes the link, and another may come in between.
    @Test(arguments: [[true, false], [false, true]], [true, false])
    func ofTwoUsersOneStays(_ order: [Bool], _ looksInBetween: Bool) throws {
        var users = SMBUsers()
        var gone: Set<String> = []
        users.add(remote, link: links[0])
        users.add(remote, link: links[1])
        for removesLink in order {
            if removesLink { gone.insert(links[0].hostPath) } else { expectLeave(&users, remote, true) }
            if looksInBetween { try users.update { gone.contains($0) } }
        }
        try users.update { gone.contains($0) }
        #expect(!users.isEmpty)
        users.add(remote, link: links[2])
        expectLeave(&users, remote, true)
        #expect(!users.isEmpty, "two are there, and one of them left")
        expectLeave(&users, remote, true)
        #expect(!users.isEmpty, "the call may have been made again")
        gone.insert(links[1].hostPath)
        try users.update { gone.contains($0) }
        #expect(users.isEmpty)
        expectLeave(&users, remote, false)
    }

    @Test func theLinkOfTheLastMayGoFirst() throws {
        var users = SMBUsers()
        users.add(remote, link: links[0])
        try users.update { _ in true }
        #expect(users.isEmpty)
        expectLeave(&users, remote, true)
        expectLeave(&users, remote, false)
    }

    @Test func anUnknownUserDoesNotLeave() throws {
        var users = SMBUsers.unknown
        users.add(remote, link: links[0])
        expectLeave(&users, remote, true)
        expectLeave(&users, remote, false)
        #expect(!users.isEmpty)
        users.keepLinksOnly()
        expectLeave(&users, remote, true)
        #expect(users.isEmpty)
    }

    /// A driver that stages once more removes its link first.
    @Test func aLinkThatIsMadeAgainIsTheSameUser() throws {
        var users = SMBUsers()
        users.add(remote, link: links[0])
        try users.update { _ in true }
        users.add(remote, link: links[0])
        expectLeave(&users, remote, true)
        #expect(users.isEmpty)
        expectLeave(&users, remote, false)
    }

    @Test func anotherBootKeepsTheLinksAlone() throws {
        var users = SMBUsers()
        users.add(remote, link: links[2])
        users.add(remote, link: links[0])
        users.add(remote, link: links[1])
        users.add(part, link: nil)
        try users.update { [self] in $0 == links[1].hostPath }
        expectLeave(&users, part, true)
        users.keepLinksOnly()
        var expected = SMBUsers()
        expected.add(remote, link: links[2])
        expected.add(remote, link: links[0])
        #expect(users == expected)
    }

    private func expectLeave(
        _ users: inout SMBUsers, _ remote: SMBRemotePath, _ isUser: Bool, at location: SourceLocation = #_sourceLocation
    ) {
        let left = users.leave(remote)
        #expect(left == isUser, sourceLocation: location)
    }
}
