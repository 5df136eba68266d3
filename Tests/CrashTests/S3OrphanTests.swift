// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

extension CrashTests {
    /// S3: the proxy dies, and the tool that it has started works on.
    @Suite(.timeLimit(.minutes(20))) struct S3OrphanTests {
        /// Makes the filesystem, then holds the device and writes on, among the descriptors of its groups.
        private static let tool = #"""
            $real "$@"
            # Made again after that, it writes no more.
            [ -e "$here/leave" ] && exit
            for device; do :; done
            exec python3 - "$device" "$here" <<'END'
            import os, sys, time
            device = os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
            os.pwrite(device, b"\xff" * 512, 4096)
            open(sys.argv[2] + "/begun", "w").close()
            while not os.path.exists(sys.argv[2] + "/leave"): time.sleep(0.02)
            END
            """#

        @Test func aVolumeIsNotFormattedWhileItsToolIsAtWork() async throws {
            let rig = try await CrashRig(.ext4, diskSize: 384 << 20, daemon: Daemon(.ext4, tool: Self.tool))
            try await rig.client.partitionDisk(try rig.disk.number)
            let volume = try #require(
                try await rig.client.volumes(on: try rig.disk.number, partition: nil).first)
            let caller = Task { [client = rig.client] in try await client.formatVolume(volume) }
            defer { rig.daemon.make("leave") }
            try await rig.daemon.waitFor("begun")
            rig.daemon.kill()
            _ = await caller.result

            rig.client = try await rig.daemon.start()
            #expect(try await !rig.client.isVolumeFormatted(volume))
            await expectError(.aborted, "under way") { try await rig.client.formatVolume(volume) }
            rig.daemon.make("leave")
            // The result is not whole. It has the UUID that was drawn for it, and was never mounted: it is made again.
            var outcome = await rig.format(volume)
            for _ in 0..<200 where outcome?.code == .aborted {
                try await Task.sleep(for: .milliseconds(50))
                outcome = await rig.format(volume)
            }
            #expect(outcome == nil)
            try await rig.expectUsable(volume, .call(0))
        }
    }
}
