// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import HostStorageTestKit
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S6: a new link leads to a place within the roots, also where another link lies behind it.
@Suite struct S6LinkSourceTests {
    @Test(arguments: Resolution.allCases) func aSourceThatLeavesTheRootsIsRefused(_ resolution: Resolution) async throws
    {
        let linked = try LinkedHost(resolution: resolution)
        try await linked.host.makeDirectory(linked.path("dir"))
        try Command.run("mkdir", "-p", "\(linked.outside)/dir")
        for (name, target) in [("out", linked.outside), ("up", "../../outside"), ("in", "dir"), ("loop", "loop")] {
            try Command.run("ln", "-s", target, linked.path(name))
        }
        try Command.run("ln", "-s", "../out", linked.path("dir/chain"))
        for source in ["out", "out/dir", "up", "up/missing", "dir/chain", "dir/chain/dir"] {
            await expectError(.denied, "not within the working directories") {
                try await linked.host.createSymlink(at: linked.path("new"), to: linked.path(source))
            }
        }
        await expectError(.failedPrecondition) {
            try await linked.host.createSymlink(at: linked.path("new"), to: linked.path("loop"))
        }
        #expect(try await !linked.host.pathExists(linked.path("new")))
        for source in ["dir", "in", "in/missing", "missing", "missing/too"] {
            try await linked.host.createSymlink(at: linked.path("new"), to: linked.path(source))
            #expect(
                try FileManager.default.destinationOfSymbolicLink(atPath: linked.path("new")) == linked.path(source))
            try await linked.host.remove(linked.path("new"), force: false)
        }
    }

    @Test func theHostInMemoryRefusesTheSame() async throws {
        let host = try MemoryHost()
        let root = "/var/lib/kubelet"
        try await host.makeDirectory("\(root)/dir")
        for (name, target) in [("out", "/etc"), ("up", "../../outside"), ("in", "dir"), ("dir/chain", "../out")] {
            try host.backend.putLink(to: target, at: "\(root)/\(name)")
        }
        for source in ["out", "out/dir", "up", "dir/chain"] {
            await expectError(.denied, "not within the working directories") {
                try await host.createSymlink(at: "\(root)/new", to: "\(root)/\(source)")
            }
        }
        for source in ["dir", "in", "in/missing", "missing/too"] {
            try await host.createSymlink(at: "\(root)/new", to: "\(root)/\(source)")
            try await host.remove("\(root)/new", force: false)
        }
    }
}
