// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

/// S6: there is one resolver for paths, and every call goes through it.
@Suite struct HostPathTests {
    let host: MemoryHost
    static let volume = #"\\?\Volume{00000001-0000-4000-8000-000000000001}\"#

    init() async throws {
        host = try MemoryHost()
        let disk = try host.backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]))
        #expect(try await host.volumes(on: disk, partition: nil).map(\.description) == [Self.volume])
    }

    struct Call: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var refusesRoot = false
        let make: @Sendable (MemoryHost, String) async throws -> Void
    }

    static let calls = [
        Call(testDescription: "look up path") { _ = try await $0.pathExists($1) },
        Call(testDescription: "make directory") { try await $0.makeDirectory($1) },
        Call(testDescription: "remove", refusesRoot: true) { try await $0.remove($1, force: false) },
        Call(testDescription: "remove with force", refusesRoot: true) { try await $0.remove($1, force: true) },
        Call(testDescription: "remove contents of", refusesRoot: true) { try await $0.removeContents(of: $1) },
        Call(testDescription: "create symlink", refusesRoot: true) {
            try await $0.createSymlink(at: $1, to: "/var/lib/kubelet/target")
        },
        Call(testDescription: "create symlink") { try await $0.createSymlink(at: "/var/lib/kubelet/link", to: $1) },
        Call(testDescription: "look up link") { _ = try await $0.isSymlink($1) },
        Call(testDescription: "mount volume", refusesRoot: true) {
            try await $0.mountVolume(VolumeID(volume), at: $1)
        },
        Call(testDescription: "unmount volume", refusesRoot: true) {
            try await $0.unmountVolume(VolumeID(volume), from: $1)
        },
        Call(testDescription: "volume mounted at") { _ = try await $0.volume(mountedAt: $1) },
        Call(testDescription: "volume closest to") { _ = try await $0.volume(closestTo: $1) },
    ]

    /// Calls that reach the backend fail differently from calls that the policy refuses.
    private func trapBackend() {
        let operations: [OperationName] = [
            .pathExists, .makeDirectory, .remove, .removeContents, .createSymlink, .isSymlink, .mountVolume,
            .unmountVolume, .volumeMountedAt, .volumeClosestTo,
        ]
        for operation in operations {
            host.backend.fail(operation, with: StorageError(.internalError, "the backend was reached"))
        }
    }

    @Test(arguments: calls) func noBadPathReachesTheBackend(_ call: Call) async throws {
        trapBackend()
        for path in ["/etc/shadow", "/var/lib/kubelet-evil/x", #"C:\Windows\system32"#, #"Z:\x"#] {
            let error = await expectError(.denied) { try await call.make(host, path) }
            #expect(error?.operation == call.testDescription)
        }
        for path in ["", "x", "/var/lib/kubelet/..", "/var/lib/kubelet/x\0", #"C:\var\lib\kubelet\a:b"#, #"\\h\s\x"#] {
            let error = await expectError(.invalidArgument) { try await call.make(host, path) }
            #expect(error?.operation == call.testDescription)
        }
    }

    @Test(arguments: calls) func aGoodPathReachesTheBackendInAnySpelling(_ call: Call) async throws {
        trapBackend()
        for path in ["/var/lib/kubelet/x", #"C:\var\lib\kubelet\x"#, #"c:\VAR\lib\kubelet\x\"#] {
            await expectError(.internalError, "the backend was reached", call.testDescription, "/var/lib/kubelet/x") {
                try await call.make(host, path)
            }
        }
    }

    /// Some methods of the wire place it on C:, in their rows.
    @Test(arguments: calls) func aPathWithoutADriveIsRefused(_ call: Call) async throws {
        trapBackend()
        await expectError(.invalidArgument) { try await call.make(host, #"\var\lib\kubelet\x"#) }
    }

    @Test(arguments: calls) func aRootItselfStaysAsItIs(_ call: Call) async throws {
        trapBackend()
        for root in ["/var/lib/kubelet", "/var/lib/kubelet/", #"C:\var\lib\kubelet\"#] {
            await expectError(
                call.refusesRoot ? .denied : .internalError, call.refusesRoot ? "a working directory itself" : "reached"
            ) {
                try await call.make(host, root)
            }
        }
    }
}
