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

        /// The answer at once is the queue's, or none. Each look of the queue brings into memory what is asked next.
        private func exists(_ name: String) async throws -> Bool {
            let path = try place(name)
            let answer = try await backend.pathExists(path)
            let atOnce = try backend.pathExists(atOnce: path)
            #expect(atOnce == nil || atOnce == answer, "\(name)")
            return answer
        }

        /// A root can be mounted over, unmounted, replaced and removed while the host is open, and no descriptor of the
        /// host keeps a mount busy.
        @Test func aRootIsWhatItsPathNamesNow() async throws {
            let root = "\(linked.scratch.path)/kubelet"
            #expect(try await exists("dir"))

            try Command.run("mount", "-t", "tmpfs", "none", root)
            try Command.run("mkdir", "\(root)/on-the-mount")
            #expect(try await !exists("dir"))
            #expect(try await exists("on-the-mount"))
            #expect(try backend.pathExists(atOnce: place("on-the-mount")) == true)

            try Command.run("umount", root)
            #expect(try await exists("dir"))
            #expect(try await !exists("on-the-mount"))
            #expect(try backend.pathExists(atOnce: place("dir")) == true)

            try Command.run("mv", root, "\(root)-aside")
            #expect(try await !exists("dir"))
            try Command.run("mkdir", "--parents", "\(root)/new")
            #expect(try await !exists("dir"))
            #expect(try await exists("new"))
            #expect(try backend.pathExists(atOnce: place("new")) == true)

            try Command.run("rm", "--recursive", root)
            #expect(try await !exists("new"))
            #expect(try await !exists("dir"))
            #expect(try await !exists(""))

            // The way to a root is the operator's, links included; beneath it none is followed.
            try Command.run("ln", "--symbolic", "\(root)-aside", root)
            #expect(try await exists("dir"))
            #expect(try backend.pathExists(atOnce: place("dir")) == true)
            #expect(try backend.isSymlink(atOnce: place("mount")) == true)
            #expect(try backend.isSymlink(atOnce: place("dir")) == false)
            #expect(try backend.pathExists(atOnce: place("to-dir/below")) == nil)
            try Command.run("rm", root)
            try Command.run("mv", "\(root)-aside", root)
            #expect(try await exists("dir"))
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
