// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

/// What is no directory of the host, and yet has a Windows spelling: pipes, volumes, places on file servers.
@Suite struct PipeAndRemoteTests {
    // MARK: - Pipes

    @Test(arguments: ["/run/csi-proxy", "/run/csi-proxy/", "/tmp/two words"])
    func aPipeIsASocketAndBack(_ directory: String) throws {
        let pipe = try PipeName(#"\\.\pipe\csi-proxy-disk-v1"#)
        let socket = pipe.socket(in: directory)
        #expect(socket == (directory.hasSuffix("/") ? directory : directory + "/") + "csi-proxy-disk-v1")
        #expect(try PipeName(socket: socket, in: directory) == pipe)
        #expect(pipe.description == #"\\.\pipe\csi-proxy-disk-v1"#)
        #expect(try PipeName(pipe.description) == pipe)
        #expect(try PipeName(#"\\.\PIPE\csi-proxy-disk-v1"#) == pipe)
    }

    @Test(arguments: [
        "", "csi-proxy-disk-v1", #"\\.\pipe"#, #"\\.\pipe\"#, #"\\.\pipe\a\b"#, #"\\.\pipe\.."#, #"\\.\pipe\a/b"#,
        #"\\.\mailslot\a"#, #"\\server\pipe\a"#, #"\\?\pipe\a"#, #"C:\pipe\a"#, #"\\.\pipe\NUL"#, "\\\\.\\pipe\\a\0b",
    ])
    func isNoPipe(_ text: String) { expectError(.invalidArgument, "is not a pipe") { try PipeName(text) } }

    @Test(arguments: [
        "/run/other/a", "/run/csi-proxy", "/run/csi-proxy/a/b", "/run/csi-proxy-evil/a", "/run/csi-proxy/a:b",
    ])
    func isNoSocketThatAPipeCouldName(_ path: String) {
        expectError(.invalidArgument, "is not a socket in") { try PipeName(socket: path, in: "/run/csi-proxy") }
    }

    // MARK: - Volumes

    @Test func aVolumeGUIDPathIsAVolumeAndBack() throws {
        let guid = "0cb99483-72d5-3641-a339-60348e6b3540"
        let volume = try VolumeID(#"\\?\Volume{0CB99483-72d5-3641-a339-60348e6b3540}\"#)
        #expect(volume.guid == guid)
        #expect(try VolumeID(volume.description) == volume)
        #expect(try VolumeID(guid: volume.guid).description == volume.description)
    }

    // MARK: - Remotes

    @Test(arguments: [
        (#"\\server\share"#, "//server/share"), (#"\\server\share\"#, "//server/share"),
        (#"\\10.0.0.1\C$\a\two words"#, "//10.0.0.1/C$/a/two words"), ("//Server/Share/größe", "//Server/Share/größe"),
    ])
    func aRemoteIsSpelledBothWays(_ text: String, _ posix: String) throws {
        let remote = try RemotePath(text)
        #expect(remote.posix == posix)
        #expect(remote.description == posix.replacing("/", with: #"\"#))
        #expect(try RemotePath(remote.posix) == remote)
        #expect(try RemotePath(remote.description) == remote)
    }

    @Test func aRemoteKnowsItsParts() throws {
        let remote = try RemotePath(#"\\server\share\a\b"#)
        #expect(remote.server == "server" && remote.share == "share" && remote.components == ["a", "b"])
    }

    /// The first two are what csi-proxy's own mapping of roots lets through.
    @Test(arguments: [
        #"\\?\UNC\h\s"#, #"\\.\pipe\x"#, "", "hostname", #"\\hostname"#, #"\\hostname\"#, #"h\s"#, #"\\\h\s"#,
        #"\\h\\s"#, #"\\h\s\\x"#, #"\\h\s\..\x"#, #"\\h\..\x"#, #"\\h\s/x"#, #"/\h\s"#, #"C:\h\s"#, "\\\\h\\s\0",
        #"\\h\s\a|b"#,
    ])
    func isNoRemote(_ text: String) { expectError(.invalidArgument, "is not a remote path") { try RemotePath(text) } }
}
