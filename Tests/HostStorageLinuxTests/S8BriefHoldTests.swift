// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S8: a process that holds a device for a moment fails no call; one that keeps holding it is reported by name.
    @Suite(.timeLimit(.minutes(5))) struct S8BriefHoldTests {
        /// Holds a device as mount(2) and mkfs do.
        private func hold(_ device: String) throws -> HoldingProcess {
            let script =
                "import os, sys; held = os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL); print(); sys.stdout.flush(); "
                + "sys.stdin.read()"
            return try HoldingProcess("exec /usr/bin/python3 -c '\(script)' $0", device)
        }

        /// A volume, an operation on it, and the device that the operation has to claim.
        private struct Work {
            let linked: LinkedHost
            let disk: LoopDisk
            let device: String
            let run: @Sendable () async throws -> Void
        }

        private func work(_ name: String) async throws -> Work {
            let (linked, disk) = (try LinkedHost(), try LoopDisk(size: 64 << 20))
            let (host, number) = (linked.host, try disk.number)
            if name == "partition" {
                return Work(linked: linked, disk: disk, device: disk.device) { try await host.partitionDisk(number) }
            }
            let volume = try await linked.volume(on: disk)
            // Until it is asked for, the kernel may not know the partition.
            _ = try await host.isVolumeFormatted(volume)
            _ = try? await host.volumeStats(volume)
            if name == "format" {
                return Work(linked: linked, disk: disk, device: disk.partition()) {
                    try await host.formatVolume(volume)
                }
            }
            try await host.formatVolume(volume)
            let place = linked.path("staging")
            try await host.makeDirectory(place)
            return Work(linked: linked, disk: disk, device: disk.partition()) {
                try await host.mountVolume(volume, at: place)
            }
        }

        @Test(arguments: ["partition", "format", "mount"])
        func aLastingHolderOfADeviceIsNamed(_ name: String) async throws {
            let work = try await work(name)
            let holder = try hold(work.device)
            await expectError(.busy, "process \(holder.id)", "open device") { try await work.run() }
            holder.end()
            try await work.run()
        }

        /// Held until the call is seen to be at work. On a machine that is busy with other things that can be for longer
        /// than a call waits, so it is tried anew.
        @Test(arguments: ["partition", "format", "mount"])
        func aDeviceThatIsHeldForAMomentIsWaitedFor(_ name: String) async throws {
            var last: (any Error)?
            for _ in 0..<20 {
                let work = try await work(name)
                let holder = try hold(work.device)
                let call = Task { try await work.run() }
                try await work.linked.isAtWork(on: work.disk, for: .milliseconds(200))
                holder.end()
                do {
                    return try await call.value
                } catch {
                    last = error
                }
            }
            Issue.record("it has never waited: \(String(describing: last))")
        }

        @Test func whatIsBusyIsTriedASecondLong() throws {
            var left = BriefHold.attempts - 1
            let answer = try BriefHold.outlast { () throws(StorageError) -> Int in
                left -= 1
                if left > 0 { throw StorageError(.busy, "") }
                return 7
            }
            #expect(answer == 7)
            var tries = 0
            #expect(throws: StorageError.self) {
                try BriefHold.outlast { () throws(StorageError) in
                    tries += 1
                    throw StorageError(.busy, "")
                }
            }
            #expect(tries == BriefHold.attempts)
            // Other failures are not retried.
            tries = 0
            #expect(throws: StorageError.self) {
                try BriefHold.outlast { () throws(StorageError) in
                    tries += 1
                    throw StorageError(.denied, "")
                }
            }
            #expect(tries == 1)
        }
    }
}
