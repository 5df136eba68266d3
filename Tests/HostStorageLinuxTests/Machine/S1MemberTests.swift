// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension MachineTests {
    /// S1: a disk that is part of something larger is left alone, whether that is at work or not.
    @Suite struct S1MemberTests {
        /// RAID keeps its superblock in the head (metadata 1.2) or in the tail (1.0, 0.90).
        @Test(arguments: ["1.2", "1.0", "0.90"]) func aMemberOfARaidIsLeftAlone(_ metadata: String) async throws {
            let disks = try ScsiDisks()
            let members = [try disks.add(), try disks.add()]
            let raid = try RaidArray(members.map(\.device), metadata: metadata)
            let linked = try LinkedHost()
            for member in members {
                await expectError(.busy, "device md127") { try await linked.host.partitionDisk(member.number) }
            }
            try raid.stop()
            for member in members {
                let before = try member.digest()
                await expectError(.failedPrecondition, "linux_raid_member") {
                    try await linked.host.partitionDisk(member.number)
                }
                #expect(try member.digest() == before)
            }
        }
    }
}
