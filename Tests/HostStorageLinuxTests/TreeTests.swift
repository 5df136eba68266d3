// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S4 and S6: deleting crosses no mount, and no path leaves its root.
    @Suite struct S4TreeTests {
        @Test func forcedRemovalOfAMountKeepsTheData() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try "precious".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            try await linked.host.remove(place, force: true)
            #expect(!FileManager.default.fileExists(atPath: place))
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "precious")
            try await linked.host.unmountVolume(volume, from: place)
        }

        /// A bind mount of the same filesystem has the same device number as the tree around it.
        @Test(arguments: [false, true]) func aMountInsideATreeStopsItsRemoval(contentsOnly: Bool) async throws {
            let linked = try LinkedHost()
            let (tree, outside) = (linked.path("tree"), "\(linked.scratch.path)/outside")
            try await linked.host.makeDirectory("\(tree)/a/mounted")
            try Command.run("mkdir", outside)
            try Command.run("touch", "\(outside)/data")
            try Command.run("mount", "--bind", outside, "\(tree)/a/mounted")
            defer { _ = try? Command.run("umount", "\(tree)/a/mounted") }
            await expectError(.busy, "mounted") {
                if contentsOnly {
                    try await linked.host.removeContents(of: tree)
                } else {
                    try await linked.host.remove(tree, force: true)
                }
            }
            #expect(FileManager.default.fileExists(atPath: "\(outside)/data"))
        }

        @Test func removalUnlinksLinksAndFollowsNone() async throws {
            let linked = try LinkedHost()
            let (tree, outside) = (linked.path("tree"), "\(linked.scratch.path)/outside")
            try await linked.host.makeDirectory(tree)
            try Command.run("mkdir", outside)
            try Command.run("touch", "\(outside)/data")
            try Command.run("ln", "-s", outside, "\(tree)/link")
            try await linked.host.removeContents(of: tree)
            #expect(try FileManager.default.contentsOfDirectory(atPath: tree).isEmpty)
            try Command.run("ln", "-s", outside, "\(linked.path("link"))")
            await expectError(.failedPrecondition, "symbolic link") {
                try await linked.host.removeContents(of: linked.path("link"))
            }
            #expect(FileManager.default.fileExists(atPath: "\(outside)/data"))
        }

        @Test func linksOnTheWayOutOfTheRootAreRefused() async throws {
            let linked = try LinkedHost()
            let outside = "\(linked.scratch.path)/outside"
            try await linked.host.makeDirectory(linked.path("dir"))
            try Command.run("mkdir", outside)
            try Command.run("ln", "-s", outside, linked.path("dir/out"))
            try Command.run("ln", "-s", "/proc/self/root", linked.path("dir/magic"))
            for name in ["dir/out/x", "dir/magic/tmp/x"] {
                await expectError(.failedPrecondition) { try await linked.host.makeDirectory(linked.path(name)) }
                await expectError(.failedPrecondition) { try await linked.host.pathExists(linked.path(name)) }
                await expectError(.failedPrecondition) { try await linked.host.remove(linked.path(name), force: true) }
                await expectError(.failedPrecondition) {
                    try await linked.host.createSymlink(at: linked.path(name), to: linked.path("dir"))
                }
            }
            await expectError(.denied) { try await linked.host.volume(mountedAt: linked.path("dir/out")) }
            await expectError(.denied) { try await linked.host.volume(closestTo: linked.path("dir/out/x")) }
            await expectError(.denied) { try await linked.host.isSymlink(linked.path("dir/out")) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: outside).isEmpty)
        }

        @Test func relativeLinksAreResolvedFromTheirOwnDirectory() async throws {
            let linked = try LinkedHost()
            try await linked.host.makeDirectory(linked.path("a/b"))
            try await linked.host.makeDirectory(linked.path("c"))
            try Command.run("ln", "-s", "../../c", linked.path("a/b/link"))
            #expect(try await linked.host.isSymlink(linked.path("a/b/link")))
            try Command.run("rmdir", linked.path("c"))
            #expect(try await !linked.host.isSymlink(linked.path("a/b/link")))
        }

        @Test func directoriesAreMadeWhateverTheUmask() async throws {
            let linked = try LinkedHost()
            let old = umask(0o077)
            defer { umask(old) }
            try await linked.host.makeDirectory(linked.path("x"))
            #expect(try Command.run("stat", "--format", "%a", linked.path("x")) == "755")
        }
    }
}
