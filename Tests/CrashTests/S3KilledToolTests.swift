// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import LoopDisks
import Testing

extension CrashTests {
    /// S3: mkfs dies at any moment.
    @Suite struct S3KilledToolTests {
        private static let points = 200

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func aFormatWhoseToolIsKilledIsDoneAgain(_ filesystem: FilesystemKind) async throws {
            let rig = try await CrashRig(filesystem, diskSize: 512 << 20)
            let disk = rig.disk
            // The volume, and a neighbour with data on the same disk.
            let table = "label: gpt\\nsize=330M\\nsize=16M\\n"
            try Command.run("sh", "-c", "printf '\(table)' | sfdisk --quiet \(disk.device)")
            let volumes = try await rig.client.volumes(on: try disk.number, partition: nil)
            try #require(volumes.count == 2)
            let volume = volumes[0]
            _ = try await rig.client.isVolumeFormatted(volumes[1])
            try Command.run("dd", "if=/dev/urandom", "of=\(disk.partition(2))", "bs=1M", "count=16", "conv=fsync")
            let neighbour = try Command.run("cksum", disk.partition(2))

            try rig.daemon.tools.disarm()
            try await rig.client.formatVolume(volume)
            let (calls, duration) = (try rig.daemon.tools.calls, try rig.daemon.tools.duration)
            try #require(calls > 20, "the switch is in the tool")

            var killed = 0
            for (number, point) in KillPoint.spread(Self.points, calls: calls, duration: duration).enumerated() {
                try Command.run("blkdiscard", "--zeroout", disk.partition())
                try rig.daemon.tools.arm(point)
                do {
                    try await rig.client.formatVolume(volume)
                } catch {
                    killed += 1
                    #expect("\(error)".contains("137"), "\(error)")
                }
                try rig.daemon.tools.disarm()
                if number % 8 == 0 { try await rig.restart() }
                try await rig.expectNoHalfFilesystem(volume, point)
                try await rig.client.formatVolume(volume)
                try await rig.expectUsable(volume, point)
                if number % 20 == 0 || number == Self.points - 1 {
                    try rig.expectOtherDiskUntouched(point)
                    try Command.run("blockdev", "--flushbufs", disk.partition(2))
                    #expect(try Command.run("cksum", disk.partition(2)) == neighbour, "killed at or before \(point)")
                }
            }
            #expect(killed > Self.points / 2, "only \(killed) points were within the tool's work")
        }
    }
}

/// All tests here kill processes that work on disks, one after the other.
@Suite(.realDisks, .serialized, .inTurn) struct CrashTests {}
