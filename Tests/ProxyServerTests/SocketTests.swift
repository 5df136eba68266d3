// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
import Foundation
import HostStorage
import HostStorageAPI
import HostStorageClient
import NIOCore
import NIOPosix
import RPC
import StorageVersions
import SwiftProtobuf
import Testing

@testable import ProxyServer

/// The sockets' files and connections (scenarios 3 and 4).
@Suite(.timeLimit(.minutes(20))) struct SocketTests {
    static let names = APIGroup.allCases.flatMap { group in group.versions.map { group.socketName($0) } }.sorted()

    static func files(in directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
    }

    private static func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test func everySocketIsThereClosedToOthersAndGoneAfterwards() async throws {
        let proxy = try await RunningProxy()
        #expect(Self.names.count == APIGroup.allCases.map(\.versions.count).reduce(0, +))
        #expect(Self.files(in: proxy.directory) == Self.names)
        #expect(try Self.mode(proxy.directory) == 0o750)
        for name in Self.names { #expect(try Self.mode("\(proxy.directory)/\(name)") == 0o660) }
        try await proxy.stop()
        #expect(Self.files(in: proxy.directory).isEmpty)
    }

    @Test func versionsThatAreNotReleasedAreServedOnRequest() async throws {
        let proxy = try await RunningProxy(servesUnreleased: false)
        let released = APIGroup.allCases.flatMap { group in group.releasedVersions.map { group.socketName($0) } }
        #expect(Self.files(in: proxy.directory) == released.sorted())
        #expect(released.count == 23)
        let client = try HostStorageClient(pipeDirectory: proxy.directory)
        #expect(client.versions[.volume]?.description == "v2alpha1")
        try await proxy.stop()
    }

    /// A process that can put a file there can pass for this server.
    @Test(.enabled(if: geteuid() == 0, "takes root, which can change a directory's owner"))
    func aDirectoryInWhichOthersCanPutSocketsIsReported() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "sockets-\(UUID())").path
        #expect(mkdir(directory, 0o750) == 0)
        defer { rmdir(directory) }
        func reason() -> String? { ListeningSocket.reasonAgainst(directory, for: SocketOwner()) }
        #expect(reason() == nil)
        #expect(chmod(directory, 0o777) == 0)
        #expect(reason()?.contains("every user") == true)
        // In such a directory users can remove only their own files.
        #expect(chmod(directory, 0o1777) == 0)
        #expect(reason() == nil)
        #expect(chown(directory, 12345, 0) == 0)
        #expect(reason()?.contains("uid 12345") == true)
    }

    @Test func aSecondServerFailsAndLeavesTheFirstAlone() async throws {
        try await withProxy { proxy in
            let second = try await #require(throws: (any Error).self) {
                _ = try await RunningProxy(directory: proxy.directory)
            }
            #expect("\(second)".contains("another server listens there"))
            let response: V1_PathExistsResponse = try await call(
                proxy.socket("filesystem-v1"), "v1.Filesystem/PathExists",
                V1_PathExistsRequest.with { $0.path = "/var/lib/kubelet" })
            #expect(response.exists)
        }
    }

    @Test func oneSocketInTheWayLeavesNoneBehind() async throws {
        let directory = RunningProxy.newDirectory()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let other = try ListeningSocket.open(["csi-proxy-volume-v1"], in: directory)
        defer { close(other[0].descriptor) }
        await #expect(throws: (any Error).self) { _ = try await RunningProxy(directory: directory) }
        #expect(Self.files(in: directory) == ["csi-proxy-volume-v1"])
    }

    @Test func aFileThatIsNoSocketIsKept() async throws {
        let directory = RunningProxy.newDirectory()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try "precious".write(toFile: "\(directory)/csi-proxy-disk-v1", atomically: false, encoding: .utf8)
        await #expect(throws: (any Error).self) { _ = try await RunningProxy(directory: directory) }
        #expect(Self.files(in: directory) == ["csi-proxy-disk-v1"])
        #expect(try String(contentsOfFile: "\(directory)/csi-proxy-disk-v1", encoding: .utf8) == "precious")
    }

    @Test func aStaleSocketFileIsReplaced() async throws {
        let directory = RunningProxy.newDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let stale = try ListeningSocket.open(["csi-proxy-disk-v1"], in: directory)
        // Closing alone leaves it listening in a child of another test that is between its fork and its exec.
        shutdown(stale[0].descriptor, Int32(SHUT_RDWR))
        close(stale[0].descriptor)
        let proxy = try await RunningProxy(directory: directory)
        let _: V1_RescanResponse = try await call(proxy.socket("disk-v1"), "v1.Disk/Rescan", V1_RescanRequest())
        // A socket that came to the same path later is not this one's to remove.
        stale[0].removeFile()
        #expect(Self.files(in: directory) == Self.names)
        try await proxy.stop()
    }

    @Test func connectionsThatSayNothingOrNonsenseDelayNoOther() async throws {
        try await withProxy { proxy in
            var channels: [any Channel] = []
            for index in 0..<40 {
                let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .connect(unixDomainSocketPath: proxy.socket("disk-v1")).get()
                if index % 2 == 1 {
                    try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.0\r\n\r\n\u{0}\u{1}garbage"))
                }
                channels.append(channel)
            }
            let _: V1_RescanResponse = try await call(proxy.socket("disk-v1"), "v1.Disk/Rescan", V1_RescanRequest())
            for channel in channels { try? await channel.close() }
        }
    }

    /// The time between the sockets' opening and the servers' beginning is short, so many times.
    @Test func aServerCanBeStoppedAsSoonAsItListens() async throws {
        for _ in 0..<50 {
            let proxy = try await RunningProxy()
            try await proxy.stop()
            #expect(Self.files(in: proxy.directory).isEmpty)
        }
    }

    @Test func aSilentConnectionDoesNotKeepTheServerFromEnding() async throws {
        let proxy = try await RunningProxy()
        let silent = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(unixDomainSocketPath: proxy.socket("disk-v1")).get()
        try await proxy.stop()
        try await silent.closeFuture.get()
    }

    @Test func connectionsBeyondTheLimitAreClosed() async throws {
        let proxy = try await RunningProxy(connectionLimit: 2)
        let silent = try await (0..<2).asyncMap { _ in
            try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(unixDomainSocketPath: proxy.socket("disk-v1")).get()
        }
        let code = await status {
            let _: V1_RescanResponse = try await call(proxy.socket("disk-v1"), "v1.Disk/Rescan", V1_RescanRequest())
        }
        #expect(code == .unavailable)
        for channel in silent { try await channel.close() }
        try await proxy.stop()
    }
}

extension Sequence {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
