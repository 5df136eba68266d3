// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S6: no path leaves its root.
    @Suite struct S6PathTests {
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
    }
}
