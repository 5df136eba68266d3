// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S6: a bind mount shows no more than its caller may reach.
    @Suite struct S6BindMountTests {
        @Test func aCallerOfSomeDisksGetsNoMountsBelowTheSource() async throws {
            let linked = try LinkedHost()
            try Command.run("mkdir", "--parents", linked.path("source/inner"), linked.path("target"))
            try Command.run("mount", "-t", "tmpfs", "none", linked.path("source/inner"))
            let host = try linked.host.confined(to: CallConfinement("a rule", roots: nil) { _ in true })
            await expectError(.denied) {
                try await host.bindMount(
                    .path(linked.path("source")), at: linked.path("target"), options: BindOptions(isRecursive: true))
            }
            try await host.bindMount(
                .path(linked.path("source")), at: linked.path("target"), options: BindOptions(propagation: .shared))
            let mount = try Command.run(
                "findmnt", "--noheadings", "--output", "PROPAGATION", "--mountpoint", linked.path("target"))
            #expect(mount == "private")
            try await host.cleanUpTarget(linked.path("target"))
            try await linked.host.unmountTarget(linked.path("source/inner"))
        }

        /// The link is a pod's, and leads to the shares of others.
        @Test func aLinkToSharesIsNotBound() async throws {
            let linked = try LinkedHost()
            let shares = linked.host.settings.paths.shareDirectory
            try Command.run("mkdir", "--parents", "\(shares)/share", linked.path("target"))
            try Command.run("ln", "-s", "\(shares)/share", linked.path("link"))
            await expectError(.denied) {
                try await linked.host.bindMount(.path(linked.path("link")), at: linked.path("target"))
            }
            #expect(try await linked.host.targetState(of: linked.path("target")) == .directory)
        }
    }
}
