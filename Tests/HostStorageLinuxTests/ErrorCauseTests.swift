// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// Errors name the cause, and not just the first call that failed.
    @Suite struct ErrorCauseTests {
        @Test func aFileThatIsImmutableIsNotCalledADirectory() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            for name in ["file", "directory"] {
                try Command.run(name == "file" ? "touch" : "mkdir", "\(place)/\(name)")
                try Command.run("chattr", "+i", "\(place)/\(name)")
                defer { _ = try? Command.run("chattr", "-i", "\(place)/\(name)") }
                for force in [false, true] {
                    let error = await expectError(.failedPrecondition, "it is immutable", name) {
                        try await linked.host.remove("\(place)/\(name)", force: force)
                    }
                    #expect(error.map { !"\($0)".contains("no directory") } ?? false)
                }
            }
            try await linked.host.unmountVolume(volume, from: place)
        }

        @Test func aMissingDeviceOfABtrfsIsNamedAsSuch() async throws {
            let linked = try LinkedHost()
            let (one, other) = (try LoopDisk(size: 256 << 20), try LoopDisk(size: 256 << 20))
            try Command.run("mkfs.btrfs", "-q", "-d", "raid0", one.device, other.device)
            try Command.run("wipefs", "--all", "--force", other.device)
            _ = try? Command.run("btrfs", "device", "scan", "--forget")
            let volume = try #require(try await linked.host.volumes(on: try one.number, partition: nil).first)
            try await linked.host.makeDirectory(linked.path("staging"))
            await expectError(.failedPrecondition, "a device of this btrfs is missing") {
                try await linked.host.mountVolume(volume, at: linked.path("staging"))
            }
        }

        @Test func aKernelWithoutAFilesystemSaysWhich() {
            expectError(.unsupported, "kernel has no nosuchfs", "/dev/x") { _ = try MountContext("nosuchfs", "/dev/x") }
        }

        @Test(arguments: [
            ("write", EIO, "cannot be written"), ("fsync", EIO, "cannot be written"), ("pread", EIO, "cannot be read"),
            ("write", ENOSPC, "no space"), ("open", EMFILE, "ulimit"), ("open", EROFS, "read-only"),
        ])
        func aSystemCallsErrorSaysWhatFailed(_ call: String, _ code: Int32, _ words: String) {
            #expect("\(StorageError(errno: code, call, "/x"))".contains(words))
        }
    }
}
