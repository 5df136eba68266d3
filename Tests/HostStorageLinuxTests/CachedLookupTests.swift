// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// Questions about paths that the kernel answers from memory.
    @Suite struct CachedLookupTests {
        let linked: LinkedHost
        var backend: LinuxBackend { linked.host.backend }

        init() throws {
            linked = try LinkedHost()
            let root = linked.path("")
            try Command.run(
                "sh", "-c",
                """
                set -e
                mkdir -p \(root); cd \(root); mkdir -p dir/below mount bind; touch file dir/file
                ln -s dir to-dir; ln -s nowhere dangling; ln -s file to-file
                mount -t tmpfs none mount; mount --bind dir bind
                """)
        }

        private func place(_ name: String) throws -> HostPath {
            let path = name.isEmpty ? "\(linked.scratch.path)/kubelet" : linked.path(name)
            return try backend.settings.paths.resolve(path)
        }

        private static let names = [
            "", "dir", "dir/below", "dir/file", "file", "mount", "bind", "bind/below", "to-dir", "to-dir/below",
            "to-file", "dangling", "missing", "missing/below", "file/below", "mount/missing",
        ]

        /// And as the queue would answer.
        @Test(arguments: names) func theAnswerIsThatOfTheQueue(_ name: String) async throws {
            let path = try place(name)
            // The first look brings it into memory.
            let exists = try? await backend.pathExists(path)
            let isSymlink = try? await backend.isSymlink(path)
            let existsAtOnce = try backend.pathExists(atOnce: path)
            let isSymlinkAtOnce = try backend.isSymlink(atOnce: path)
            #expect(existsAtOnce == nil || existsAtOnce == exists)
            #expect(isSymlinkAtOnce == nil || isSymlinkAtOnce == isSymlink)
            if ["dir", "dir/below", "file", "mount", "bind"].contains(name) {
                #expect(existsAtOnce == true)
                if name != "file" { #expect(isSymlinkAtOnce == ["mount", "bind"].contains(name)) }
            }
            // A link in the way is for the queue, which refuses it.
            if name == "to-dir/below" { #expect(existsAtOnce == nil) }
        }

        @Test func itTakesNoQueue() async throws {
            let path = try place("dir")
            #expect(try await linked.host.pathExists(linked.path("dir")))
            let gate = DispatchSemaphore(value: 0)
            let stuck = Task { try await backend.queues.run(in: .path(path)) { gate.wait() } }
            try await eventually("the queue is at work") { backend.queues.timeAtWork(in: .path(path)) > .zero }
            #expect(try await finishing("the answer") { try await linked.host.pathExists(linked.path("dir")) })
            #expect(try await !finishing("the answer") { try await linked.host.isSymlink(linked.path("dir")) })
            gate.signal()
            try await stuck.value
        }

        /// Rules that compare more than names, and names of which the disk has another spelling.
        @Test func whatTakesMoreThanALookupIsForTheQueue() async throws {
            _ = try await backend.pathExists(try place("dir"))
            for linked in [
                try LinkedHost(ignoresCase: true), try LinkedHost(roots: ["kubelet", "kubelet/inner"]),
                try LinkedHost(resolution: .walk),
            ] {
                let name = linked.host.settings.paths.roots.count > 1 ? "inner/dir" : "dir"
                try Command.run("mkdir", "--parents", linked.path(name))
                let path = try linked.host.settings.paths.resolve(linked.path(name))
                #expect(try await linked.host.pathExists(linked.path(name)))
                #expect(try linked.host.backend.pathExists(atOnce: path) == nil)
                #expect(try linked.host.backend.isSymlink(atOnce: path) == nil)
            }
            let confined = try place("dir").confined(to: CallConfinement("a rule", roots: nil) { _ in true })
            #expect(try backend.pathExists(atOnce: confined) == nil)
        }

        /// The kernel would have to ask it.
        @Test func aServerThatHangsIsForTheQueue() async throws {
            let file = try FaultyFile(size: 1 << 20)
            let directory = URL(filePath: file.path).deletingLastPathComponent().path
            try Command.run("mount", "--bind", directory, linked.path("mount"))
            let path = try place("mount/\(URL(filePath: file.path).lastPathComponent)")
            try file.order(.hang)
            #expect(try backend.pathExists(atOnce: path) == nil)
            try file.order(.none)
            #expect(try await backend.pathExists(path))
            try Command.run("umount", linked.path("mount"))
        }
    }
}
