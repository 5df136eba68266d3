// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S9: the disk on which these tests run. Other devices of a system are tried in the virtual machine.
    @Suite struct S9OwnDiskTests {
        @Test(.disabled(if: Machine.isHere, "the virtual machine's root is on no disk"))
        func theSystemsDiskIsRefused() async throws {
            let names = try SystemDisks.names()
            try #require(!names.isEmpty)
            for node in try DiskInventory().disks() where names.contains(node.name) {
                #expect(throws: StorageError.self) { try SystemDisks.refuse(node) }
                let linked = try LinkedHost()
                await expectError(.denied, "running system") { try await linked.host.partitionDisk(node.number) }
                await expectError(.denied, "running system") {
                    try await linked.host.setDiskState(node.number, to: .offline)
                }
            }
        }
    }
}
