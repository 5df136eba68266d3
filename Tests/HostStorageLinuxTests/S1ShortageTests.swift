// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import Glibc
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// A process that has no descriptors left cannot see who uses a disk. That is an error, and never "unused".
@Suite struct S1ShortageTests {
    @Test func aDirectoryThatCannotBeReadIsNotAnEmptyOne() throws {
        let scratch = try ScratchDirectory()
        try Command.run("ln", "-s", "loop", "\(scratch.path)/loop")
        #expect(throws: StorageError.self) { try Sysfs.names(in: "\(scratch.path)/loop") }
        #expect(try Sysfs.names(in: "\(scratch.path)/missing").isEmpty)
        #expect(Sysfs.readableNames(in: "\(scratch.path)/loop").isEmpty)
    }

    @Test func aProcessThatHidesHoldsNothingAndALackOfDescriptorsIsNoAnswer() throws {
        for code in [ENOENT, EACCES, ESRCH] {
            let found = try Holders.known(or: "nothing") { () throws(StorageError) -> String in
                throw StorageError(errno: code, "open")
            }
            #expect(found == "nothing")
        }
        for code in [EMFILE, ENFILE, ENOMEM] {
            expectError(.exhausted) {
                _ = try Holders.known(or: "nothing") { () throws(StorageError) -> String in
                    throw StorageError(errno: code, "open")
                }
            }
        }
    }

    /// In a process of its own, which has as many descriptors as it takes to start.
    @Test(arguments: ["conflictingUsers", "loops", "systemDisks", "disks", "mounts"])
    func noGuardTakesAShortageForNothing(_ guardName: String) async throws {
        await #expect(processExitsWith: .success) { [guardName] in
            // What the first use of anything opens is open before.
            let device = VolumeDevice(name: "vda", device: DeviceNumber(major: 254, minor: 0), size: 0)
            let btrfs = Mount(
                id: 1, parent: 0, device: DeviceNumber(major: 0, minor: 40), source: "/dev/vda", type: "btrfs",
                target: "/mnt", root: "/", options: MountOptions(text: "rw"))
            func ask() throws(StorageError) {
                switch guardName {
                case "conflictingUsers": _ = try Holders.conflictingUsers(of: device)
                case "loops": _ = try LoopAliases.inUse(of: device)
                case "systemDisks": _ = try SystemDisks.names()
                // btrfs and filesystems in user space: the table names their device by its path alone.
                case "mounts": _ = try btrfs.hasLostItsDevice
                default: _ = try DiskInventory().disks()
                }
            }
            try ask()
            var taken: [Int32] = []
            while case let file = open("/dev/null", O_RDONLY), file >= 0 { taken.append(file) }
            do throws(StorageError) {
                try ask()
                exit(1)
            } catch {
                exit(error.code == .exhausted ? 0 : 2)
            }
        }
    }
}
