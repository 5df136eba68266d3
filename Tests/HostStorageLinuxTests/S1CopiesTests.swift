// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S1: a filesystem that has lost its head and its tail is known by the copies of its superblock, wherever
    /// they are on a device of that size.
    @Suite struct S1CopiesTests {
        /// A filesystem on all of a disk's only partition.
        struct Lost: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let size: Int64

            init(_ tool: String, _ size: Int64) {
                testDescription = tool
                self.size = size
            }
        }

        static let lost = [
            Lost("mkfs.xfs -q -K", 10 << 40), Lost("mkfs.xfs -q -K", 3 << 40), Lost("mkfs.xfs -q -K", 300 << 30),
            Lost("mkfs.xfs -q -K -d agcount=3", 20 << 30), Lost("mkfs.xfs -q -K -d agcount=2", 7 << 30),
            Lost("mkfs.xfs -q -K -d agcount=17", 100 << 30), Lost("mkfs.xfs -q -K -d agsize=1g", 50 << 30),
            Lost("mkfs.xfs -q -K -d su=256k,sw=4", 900 << 30), Lost("mkfs.xfs -q -K -b size=1024", 5 << 40),
            Lost("mkfs.ext4 -q -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 -O bigalloc", 200 << 30),
            Lost("mkfs.ext4 -q -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 -O bigalloc -C 1048576", 300 << 30),
            Lost("mkfs.ext4 -q -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 -O sparse_super2", 40 << 30),
            Lost("mkfs.ext4 -q -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 -b 1024", 2 << 30),
            Lost("mkfs.ext4 -q -E nodiscard,lazy_itable_init=1,lazy_journal_init=1 -g 16384", 30 << 30),
            Lost("mkfs.btrfs -q -K", 50 << 30),
        ]

        @Test(arguments: lost) func whatHasLostHeadAndTailIsNotFormatted(_ lost: Lost) async throws {
            let disk = try LoopDisk(size: lost.size)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try Command.run("sh", "-ec", "\(lost.testDescription) $0 >/dev/null", disk.partition())
            let device = try RawDevice(disk.partition())
            // All that identifies the filesystem by itself; the copies are beyond.
            try device.write([UInt8](repeating: 0, count: 4 << 20), at: 0)
            try device.write([UInt8](repeating: 0, count: 4 << 20), at: device.size - 4 << 20)
            try await Self.expectRefusal(linked, volume)
        }

        /// Where tools are not at hand, a page is put where the format's description has the copy.
        @Test(
            arguments: [
                ("ocfs2", 1 << 30), ("ocfs2", 4 << 30), ("ocfs2", 16 << 30), ("ocfs2", 64 << 30), ("ocfs2", 256 << 30),
                ("ocfs2", 1 << 40), ("btrfs", 256 << 30), ("LUKS2", 2 << 20), ("LUKS2", 4 << 20), ("VMFS", 16 << 20),
            ] as [(String, Int64)])
        func aCopyAloneIsNotFormattedOver(_ name: String, _ place: Int64) async throws {
            let disk = try LoopDisk(size: 2 << 40)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try RawDevice(disk.partition()).write(Array(name.utf8), at: place)
            try await Self.expectRefusal(linked, volume)
        }

        /// Where one copy stands of a filesystem that has others too. Any of them can be the only one that is left.
        private static let copies: [(name: String, size: Int64, places: [Int64])] = [
            ("ext4", 1 << 40, [1, 3, 5, 7, 9, 25, 49, 81, 343, 2187, 3125].map { $0 << 27 }),
            ("ext4 with blocks of 1 KiB", 1 << 34, [1, 3, 5, 7, 9].map { $0 << 23 + 1024 }),
            ("ext4 with sparse_super2", 40 << 30 + 12345 << 12, [1 << 27, 40 << 30]),
            ("ext4 with bigalloc", 1 << 42, [1, 3, 5, 7, 9].map { $0 << 31 }),
            ("ocfs2 on a first partition", 1 << 40, [1 << 30 + 1 << 20, 1 << 32 + 1 << 20, 1 << 36 + 1 << 20]),
            ("btrfs on a first partition", 1 << 40, [1 << 26 + 1 << 20, 1 << 38 + 1 << 20]),
            ("xfs", 300 << 30, [1, 2, 3].map { $0 * (75 << 30) }),
            ("xfs with 17 groups", 100 << 30, [(100 << 30 / 4096 + 16) / 17 * 4096]),
            ("xfs with 61 groups", 100 << 30, [(100 << 30 / 4096 + 60) / 61 * 4096]),
            ("xfs on a stripe", 900 << 30, [225 << 30 - 256 << 10]),
            ("xfs with greatest groups", 10 << 40, (1...9).map { $0 * (1 << 40 - 4096) }),
            ("xfs with groups of 1 GiB", 50 << 30, [1 << 30]), ("ntfs", 333 << 30, [333 << 29]),
        ]

        @Test func everyCopyIsLookedAt() {
            for (name, size, places) in Self.copies {
                let ranges = SuperblockPlaces.all(size: size)
                for place in places {
                    #expect(ranges.contains { $0.contains(place) && $0.contains(place + 511) }, "\(name) at \(place)")
                }
            }
        }

        /// Data without any structure are found by a sample where they are as long as its places are apart.
        @Test func aSampleFindsDataThatAreLongEnough() async throws {
            let disk = try LoopDisk(size: 2 << 30)
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try RawDevice(disk.partition()).write(
                [UInt8](repeating: 7, count: Int((2 << 30) / BlankDevice.sampleCount) + 8192), at: 777 << 20)
            try await Self.expectRefusal(linked, volume)
        }

        @Test(arguments: [16 << 20 + 1, 160 << 20, 1 << 30, 10 << 40, 1 << 53] as [Int64])
        func theRangesReadAreInOrderWithinTheDeviceAndBoundedForEverySize(_ size: Int64) {
            let ranges = BlankDevice.ranges(size: size)
            #expect(ranges.first?.lowerBound == 0)
            #expect(ranges.last?.upperBound == size)
            for (one, next) in zip(ranges, ranges.dropFirst()) { #expect(one.upperBound < next.lowerBound) }
            #expect(ranges.count < 6000)
            #expect(ranges.reduce(0) { $0 + Int64($1.count) } < 64 << 20)
        }

        private static func expectRefusal(_ linked: LinkedHost, _ volume: VolumeID) async throws {
            await expectError(.failedPrecondition, "not blank") { try await linked.host.formatVolume(volume) }
        }
    }
}
