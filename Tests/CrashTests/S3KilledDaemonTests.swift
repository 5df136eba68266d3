// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import LoopDisks
import Testing

extension CrashTests {
    /// S3: the proxy dies at any moment of a volume's making and growing, and comes again.
    @Suite struct S3KilledDaemonTests {
        private static let points = 200
        private static let (size, grownSize) = (384 << 20 as Int64, 512 << 20 as Int64)

        @Test(arguments: [FilesystemKind.ext4, .xfs, .btrfs])
        func whatWasBegunIsBroughtToItsEnd(_ filesystem: FilesystemKind) async throws {
            let rig = try await CrashRig(filesystem, diskSize: Self.size)
            try rig.daemon.own.disarm()
            let began = ContinuousClock.now
            try await Life(rig).live()
            let duration = began.duration(to: .now)
            let calls = try rig.daemon.own.calls
            try #require(calls > 20, "the switch is in the proxy")

            var killed = 0
            // A machine that was busy when the work was measured can do it faster now.
            var pace = 1.0
            for (number, spread) in KillPoint.spread(Self.points, calls: calls, duration: duration).enumerated() {
                let point = spread.at(pace)
                let life = Life(rig)
                try life.begin()
                let began = ContinuousClock.now
                if try await life.isCutShort(at: point) {
                    killed += 1
                    try await rig.restart()
                    try await life.goOn(after: point)
                } else {
                    pace = min(pace, began.duration(to: .now) / duration)
                }
                try await life.expectWhole(point)
                if number % 20 == 0 || number == Self.points - 1 { try rig.expectOtherDiskUntouched(point) }
            }
            #expect(killed > Self.points / 2, "only \(killed) points were within the work")
        }

        /// A disk from blank to grown, in steps that can each be repeated.
        private final class Life {
            private enum Step: CaseIterable { case partition, format, fill, rescan, resize }

            private let rig: CrashRig
            private var volume: VolumeID?
            private var step = Step.partition

            init(_ rig: CrashRig) { self.rig = rig }

            func live() async throws {
                for step in Step.allCases {
                    self.step = step
                    try await take(step)
                }
            }

            /// Makes the disk blank and small again.
            func begin() throws {
                try rig.disk.reset(to: S3KilledDaemonTests.size)
            }

            /// Lives until the proxy is killed; false where it ended before.
            func isCutShort(at point: KillPoint) async throws -> Bool {
                let daemon = rig.daemon
                var clock: Task<Void, any Error>?
                switch point {
                case .call: try daemon.own.arm(point)
                case .after(let duration):
                    clock = Task { [process = daemon.processIdentifier] in
                        try await Task.sleep(for: duration)
                        kill(process, SIGKILL)
                    }
                }
                do {
                    try await live()
                    clock?.cancel()
                    try daemon.own.disarm()
                    // It may have struck in the last moment.
                    guard let clock, (try? await clock.value) != nil else { return false }
                    return try await daemon.endsSoon()
                } catch {
                    try await clock?.value
                    // Any other failure is no kill.
                    guard try await daemon.endsSoon() else { throw error }
                    return true
                }
            }

            func goOn(after point: KillPoint) async throws {
                if step == .format, let volume { try await rig.expectNoHalfFilesystem(volume, point) }
                for step in Step.allCases.drop(while: { $0 != step }) { try await rig.retry { try await take(step) } }
            }

            func expectWhole(_ point: KillPoint) async throws {
                let volume = try #require(volume)
                try await rig.expectUsable(volume, point)
                let size = try #require(Int64(try Command.run("blockdev", "--getsize64", rig.disk.partition())))
                #expect(size > S3KilledDaemonTests.grownSize - 4 << 20, "killed at \(point)")
                #expect(
                    try await rig.client.volumeStats(volume).totalBytes > size - 32 << 20, "killed at \(point)")
                #expect(
                    try Command.run("sfdisk", "--verify", rig.disk.device).contains("No errors detected"),
                    "killed at \(point)")
                try withMount { place in
                    let data = try String(contentsOfFile: "\(place)/data", encoding: .utf8)
                    #expect(data == "kept", "killed at \(point)")
                }
            }

            private func take(_ step: Step) async throws {
                let client = rig.client
                switch step {
                case .partition:
                    try await client.partitionDisk(try rig.disk.number)
                    volume = try await client.volumes(on: try rig.disk.number, partition: nil).first
                case .format: try await client.formatVolume(try #require(volume))
                case .fill:
                    try withMount { place in
                        try "kept".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
                    }
                case .rescan:
                    try rig.disk.grow(to: S3KilledDaemonTests.grownSize)
                    try await client.rescanDisks()
                case .resize: try await client.resizeVolume(try #require(volume), to: .maximum)
                }
            }

            /// The volume, mounted by this process.
            private func withMount(_ body: (String) throws -> Void) throws {
                let place = "\(rig.daemon.scratch.path)/own"
                try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                try Command.run("mount", rig.disk.partition(), place)
                defer { _ = try? Command.run("umount", place) }
                try body(place)
            }
        }
    }
}
