// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// What is claimed or locked is free when its owner has ended, though another thread is just starting a program.
    @Suite struct InheritedCopiesTests {
        /// A child that has copies of all descriptors and has come to no exec yet.
        private final class Child: Sendable {
            private let id: pid_t

            init(milliseconds: UInt32) throws {
                typealias Fork = @convention(c) () -> pid_t
                // Swift has no fork; this child does nothing that a forked one may not.
                guard let symbol = dlsym(nil, "fork") else { throw CommandFailed("there is no fork") }
                let fork = unsafeBitCast(symbol, to: Fork.self)
                let id = fork()
                if id == 0 {
                    usleep(milliseconds * 1000)
                    _exit(0)
                }
                guard id > 0 else { throw CommandFailed("fork: errno \(errno)") }
                self.id = id
            }

            deinit {
                kill(id, SIGKILL)
                waitpid(id, nil, 0)
            }
        }

        @Test func aClaimEndsWithItsOwner() throws {
            let disk = try LoopDisk(size: 8 << 20)
            let device = try Self.wholeDevice(disk)
            var claim: Descriptor? = try Descriptor.claim(device, O_RDONLY)
            let child = try Child(milliseconds: 200)
            // Ended here and no earlier.
            if claim != nil { claim = nil }
            _ = try Descriptor.claim(device, O_RDONLY)
            withExtendedLifetime((disk, child)) {}
        }

        @Test func aLockEndsWithItsOwner() throws {
            let disk = try LoopDisk(size: 8 << 20)
            var open: OpenDisk? = try OpenDisk(Self.node(disk))
            try open?.lock()
            let child = try Child(milliseconds: 60_000)
            #expect(throws: CommandFailed.self) { try Command.run("flock", "--nonblock", disk.device, "true") }
            open = nil
            try Command.run("flock", "--nonblock", disk.device, "true")
            withExtendedLifetime((disk, child)) {}
        }

        private static func node(_ disk: LoopDisk) throws -> DiskNode {
            try #require(try DiskInventory().disks().first { $0.name == disk.name })
        }

        private static func wholeDevice(_ disk: LoopDisk) throws -> VolumeDevice {
            try OpenDisk(node(disk)).wholeDevice
        }
    }
}
