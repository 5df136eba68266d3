// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S3: filesystems that were in use when the power went.
    @Suite struct S3FilesystemCheckTests {
        /// A host, a volume with a file on it, and a place to mount it; the volume is as a power failure leaves
        /// it: the disk's bytes while it was mounted and written to.
        private func volumeWithoutPower(
            _ filesystem: FilesystemKind, _ body: (LinkedHost, LoopDisk, VolumeID, String) async throws -> Void
        ) async throws {
            let disk = try LoopDisk(size: 384 << 20)
            let linked = try LinkedHost(filesystem)
            let (host, place) = (linked.host, linked.path("staging"))
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            try "kept".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            try await host.flushVolume(volume)
            try "in the midst".write(toFile: "\(place)/later", atomically: false, encoding: .utf8)
            try Command.run("sync", "--file-system", place)
            let copy = "\(linked.scratch.path)/copy"
            try Command.run("cp", "--sparse=always", disk.file, copy)
            try await host.unmountVolume(volume, from: place)
            try Command.run("dd", "if=\(copy)", "of=\(disk.device)", "bs=1M", "conv=fsync,sparse")
            try await body(linked, disk, volume, place)
        }

        private func state(of device: String) throws -> String {
            try Command.run("sh", "-c", "dumpe2fs -h \(device) 2>/dev/null | grep -E 'state|features'")
        }

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func aDirtyFilesystemIsMountedWithItsData(_ filesystem: FilesystemKind) async throws {
            try await volumeWithoutPower(filesystem) { linked, disk, volume, place in
                if filesystem == .ext4 { #expect(try state(of: disk.partition()).contains("needs_recovery")) }
                try await linked.host.mountVolume(volume, at: place)
                #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")
                #expect(try String(contentsOfFile: "\(place)/later", encoding: .utf8) == "in the midst")
                try await linked.host.unmountVolume(volume, from: place)
            }
        }

        /// As after a crash of a kernel that found an error: the mark stays until a check has been run.
        @Test func aFilesystemWithErrorsIsCheckedBeforeItIsMounted() async throws {
            try await volumeWithoutPower(.ext4) { linked, disk, volume, place in
                try Command.run("e2fsck", "-p", disk.partition())
                try Command.run("debugfs", "-w", "-R", "set_super_value state 3", disk.partition())
                #expect(try state(of: disk.partition()).contains("with errors"))
                try await linked.host.mountVolume(volume, at: place)
                #expect(try !state(of: disk.partition()).contains("with errors"))
                #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")
                try await linked.host.unmountVolume(volume, from: place)
            }
        }

        /// Without a log to replay nothing else makes it whole.
        @Test func aFilesystemThatWasNotUnmountedAndHasNoLogToReplayIsCheckedBeforeItIsMounted() async throws {
            try await volumeWithoutPower(.ext4) { linked, disk, volume, place in
                try Command.run("e2fsck", "-p", disk.partition())
                try Command.run("debugfs", "-w", "-R", "set_super_value state 0", disk.partition())
                #expect(try state(of: disk.partition()).contains("not clean"))
                try await linked.host.mountVolume(volume, at: place)
                #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "kept")
                try await linked.host.unmountVolume(volume, from: place)
                // The kernel leaves the mark as it was.
                #expect(try !state(of: disk.partition()).contains("not clean"))
            }
        }

        @Test func aFilesystemThatNeedsAPersonIsNotMountedAndNotRepaired() async throws {
            try await volumeWithoutPower(.ext4) { linked, disk, volume, place in
                try Command.run("e2fsck", "-p", disk.partition())
                // Two files that claim one block: nothing to be repaired without a decision.
                try Command.run(
                    "debugfs", "-w", "-R", "set_inode_field /later block[0] 0", disk.partition())
                try Command.run("debugfs", "-w", "-R", "clri /data", disk.partition())
                try Command.run("debugfs", "-w", "-R", "set_super_value state 2", disk.partition())
                await expectError(.failedPrecondition, "e2fsck", "uncorrected") {
                    try await linked.host.mountVolume(volume, at: place)
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: place).isEmpty)
            }
        }

        /// A check of a mounted filesystem would destroy it.
        @Test func whatIsInUseIsNotChecked() async throws {
            try await volumeWithoutPower(.ext4) { linked, disk, volume, place in
                let other = linked.path("other")
                try await linked.host.makeDirectory(other)
                try await linked.host.mountVolume(volume, at: place)
                try Command.run("debugfs", "-w", "-R", "set_super_value state 2", disk.partition())
                try await linked.host.mountVolume(volume, at: other)
                try await linked.host.unmountVolume(volume, from: other)
                try await linked.host.unmountVolume(volume, from: place)
            }
        }
    }
}

/// S3: every bit that a check ends with (fsck(8), "EXIT STATUS").
@Suite struct S3CheckStatusTests {
    @Test(
        arguments: [
            (0, true, "no errors"), (1, true, "errors were corrected"),
            (3, true, "errors were corrected, the machine should restart"),
            (4, false, "errors were left uncorrected"),
            (5, false, "errors were corrected, errors were left uncorrected"),
            (8, false, "it could not do its work"), (16, false, "it was called in a wrong way"),
            (32, false, "it was cancelled"), (64, false, "status bits 64"), (128, false, "a shared library failed"),
            (137, false, "errors were corrected, it could not do its work, a shared library failed"),
        ] as [(Int32, Bool, String)])
    func everyBitIsReportedAndOnlyCorrectedFilesystemsAreMounted(status: Int32, isMountable: Bool, text: String) {
        #expect(CheckStatus(rawValue: status).isMountable == isMountable)
        #expect("\(CheckStatus(rawValue: status))" == text)
    }
}
