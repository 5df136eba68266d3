// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import LoopDisks
import Testing

/// A proxy that is killed, the disk that it works on, and the disk that it must not touch meanwhile.
final class CrashRig {
    let filesystem: FilesystemKind
    let daemon: Daemon
    let disk: LoopDisk
    /// Another disk, full of data.
    let other: LoopDisk
    private let otherDigest: String
    private let stage: String
    var client: any StorageHost

    init(_ filesystem: FilesystemKind, diskSize: Int64, daemon: Daemon? = nil) async throws {
        self.filesystem = filesystem
        disk = try LoopDisk(size: diskSize)
        other = try LoopDisk(size: 16 << 20)
        try Command.run("dd", "if=/dev/urandom", "of=\(other.device)", "bs=1M", "count=16", "conv=fsync")
        otherDigest = try other.digest()
        self.daemon = try daemon ?? Daemon(filesystem)
        stage = "\(self.daemon.scratch.path)/kubelet/stage"
        client = try await self.daemon.start()
        try await client.makeDirectory(stage)
    }

    /// Kills the rest of the proxy and starts another.
    func restart() async throws {
        daemon.kill()
        client = try await daemon.start()
    }

    /// Repeats a call until it succeeds, as callers do. The tool of a killed proxy may still be at work, and until it
    /// has ended every call is refused.
    func retry<Answer>(_ work: () async throws -> Answer) async throws -> Answer {
        let end = ContinuousClock.now + .seconds(180)
        while true {
            do {
                return try await work()
            } catch  where ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// The error with which a format ends, if it does.
    func format(_ volume: VolumeID) async -> StorageError? {
        do throws(StorageError) {
            try await client.formatVolume(volume)
            return nil
        } catch {
            return error
        }
    }

    /// Must hold right after a kill: a volume reported as formatted is whole.
    func expectNoHalfFilesystem(_ volume: VolumeID, _ point: KillPoint) async throws {
        guard try await retry({ try await client.isVolumeFormatted(volume) }) else { return }
        #expect(filesystem.complaints(about: disk.partition()) == nil, "formatted, it says, killed at \(point)")
    }

    /// Must hold once the call has been repeated.
    func expectUsable(_ volume: VolumeID, _ point: KillPoint) async throws {
        #expect(try await client.isVolumeFormatted(volume), "killed at \(point)")
        #expect(filesystem.complaints(about: disk.partition()) == nil, "killed at \(point)")
        try await client.mountVolume(volume, at: stage)
        #expect(try await client.volume(mountedAt: stage) == volume, "killed at \(point)")
        try await client.unmountVolume(volume, from: stage)
    }

    func expectOtherDiskUntouched(_ point: KillPoint) throws {
        #expect(try other.digest() == otherDigest, "killed at or before \(point)")
    }
}
