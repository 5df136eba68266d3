// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

@Suite struct SMBValueTests {
    @Test(arguments: [
        (#"\\hostname\path"#, #"\\hostname\path"#, [String]()), (#"\\hostname\path\"#, #"\\hostname\path"#, []),
        (#"\\hostname\path\sub\Path"#, #"\\hostname\path"#, ["sub", "Path"]),
        (#"\\Host\Share"#, #"\\host\share"#, []), ("//h/s/x", #"\\h\s"#, ["x"]), (#"h\s"#, #"\\h\s"#, []),
        (#"\\10.0.0.1\c$\a b"#, #"\\10.0.0.1\c$"#, ["a b"]), ("//fe80::1/s", #"\\fe80::1\s"#, []),
    ])
    func aRemotePathIsTakenApart(_ text: String, _ share: String, _ directories: [String]) throws {
        let remote = try SMBRemotePath(text)
        #expect("\(remote.share)" == share)
        #expect(remote.directories == directories)
        #expect(try SMBRemotePath("\(remote)") == remote)
    }

    @Test(arguments: [
        "", "hostname", #"\\hostname"#, #"\\hostname\"#, #"\\?\UNC\h\s"#, #"\\.\pipe\x"#, #"\\h\s\.."#, #"\\h\.\s"#,
        #"\\h\s\a:b"#, #"\\h\a*"#, "\\\\h\\a\0b", "\\\\h\\a\nb", #"\\-h\s"#, #"\\h o\s"#, #"\\h,x\s"#, #"\\é\s"#,
        #"\\h\"# + String(repeating: "a", count: 256), #"\\h\s"# + String(repeating: #"\a"#, count: 600),
    ])
    func whatIsNoRemotePathIsRefused(_ text: String) {
        expectError(.invalidArgument, "remote path") { try SMBRemotePath(text) }
    }

    @Test func aUserHasADomainOrNone() throws {
        let password = try Secret("")
        let plain = try SMBCredentials(user: "alice", password: password)
        #expect(plain.domain == nil && plain.user == "alice" && plain.name == "alice")
        let inDomain = try SMBCredentials(user: #"AZURE\alice"#, password: password)
        #expect(inDomain.domain == "AZURE" && inDomain.user == "alice" && inDomain.name == #"AZURE\alice"#)
        #expect(try SMBCredentials(user: "alice@example.com", password: password).domain == nil)
        for text in ["", #"\alice"#, #"A\"#, #"A\b\c"#, "a\nb", String(repeating: "a", count: 513)] {
            expectError(.invalidArgument, "user name") { try SMBCredentials(user: text, password: password) }
        }
        let long = try Secret(String(repeating: "a", count: 513))
        expectError(.invalidArgument, "255") { try SMBCredentials(user: "alice", password: long) }
    }
}
