// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Synchronization
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S6, and CVE-2021-25741: two threads swap directories and links as fast as they can while clients
    /// create, mount, link and remove through them.
    @Suite(.timeLimit(.minutes(5))) struct S6RaceTests {
        static let duration = Duration.seconds(30)

        @Test(arguments: Resolution.allCases) func noRaceLeadsOutOfTheRoot(_ resolution: Resolution) async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(resolution: resolution)
            let (host, path) = (linked.host, linked.path)
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            for name in ["way/staging", "last", "target"] { try await host.makeDirectory(path(name)) }
            // Everything that the clients touch is there as well, to be hit.
            let canary = try Canary(
                at: linked.outside, directories: ["tree", "new"], emptyDirectories: ["staging"])
            try Command.run("ln", "-s", canary.path, path("detour"))
            try Command.run("ln", "-s", "\(canary.path)/tree", path("last-detour"))

            let swaps = [
                try Swapping(path("way"), path("detour")), try Swapping(path("last"), path("last-detour")),
            ]
            let end = ContinuousClock.now + Self.duration
            async let making = Self.repeating(until: end) { () throws(StorageError) in
                try await host.makeDirectory(path("way/new/deep"))
                try await host.remove(path("way/new"), force: true)
            }
            async let linking = Self.repeating(until: end) { () throws(StorageError) in
                // First, for the last try may have been cut off between the two.
                try await host.remove(path("way/link"), force: true)
                try await host.createSymlink(at: path("way/link"), to: path("target"))
                _ = try await host.isSymlink(path("way/link"))
            }
            async let mounting = Self.repeating(until: end) { () throws(StorageError) in
                try await host.mountVolume(volume, at: path("way/staging"))
                let mounts = try MountTable.read()
                #expect(!mounts.contains { $0.target.hasPrefix(canary.path) }, "mounted outside")
            }
            async let unmounting = Self.repeating(until: end) { () throws(StorageError) in
                try await host.unmountVolume(volume, from: path("way/staging"))
            }
            async let emptying = Self.repeating(until: end) { () throws(StorageError) in
                try await host.makeDirectory(path("last/tree/deep"))
                try await host.removeContents(of: path("last"))
            }
            async let removing = Self.repeating(until: end) { () throws(StorageError) in
                try await host.makeDirectory(path("way/tree/deep"))
                try await host.remove(path("way/tree"), force: true)
            }
            async let slips = Self.slips(until: end, through: path("way"))
            let tallies = await [
                "make": making, "link": linking, "mount": mounting, "unmount": unmounting, "empty": emptying,
                "remove": removing,
            ]
            let (slipped, swapped) = (await slips, swaps.map { $0.stop() })

            #expect(try canary.isUnchanged(), "the tree outside has changed")
            // The race was one: text alone would have led outside, and the clients met both sides of it.
            #expect(slipped > 50 && swapped.allSatisfy { $0 > 10_000 }, "\(slipped) slips, \(swapped) swaps")
            for (name, tally) in tallies {
                #expect(tally.unexpected.isEmpty, "\(name): \(tally.unexpected)")
                #expect(tally.done > 5 && tally.refused > 5, "\(name): \(tally)")
            }
        }

        struct Tally: Sendable {
            var done = 0
            var refused = 0
            var unexpected: [String] = []
        }

        /// Does something again and again, and counts what became of it.
        private static func repeating(
            until end: ContinuousClock.Instant, _ work: @Sendable () async throws(StorageError) -> Void
        ) async -> Tally {
            var tally = Tally()
            while ContinuousClock.now < end {
                do throws(StorageError) {
                    try await work()
                    tally.done += 1
                } catch {
                    switch error.code {
                    // A link is in the way, a directory is elsewhere, the rest of an earlier try is in the way.
                    case .failedPrecondition, .notFound, .alreadyExists, .denied: tally.refused += 1
                    default: if tally.unexpected.count < 5 { tally.unexpected.append("\(error)") }
                    }
                }
            }
            return tally
        }

        /// How often somebody who goes by text ends outside.
        private static func slips(until end: ContinuousClock.Instant, through way: String) async -> Int {
            var count = 0
            while ContinuousClock.now < end {
                if access("\(way)/tree/kept", F_OK) == 0 { count += 1 }
                await Task.yield()
            }
            return count
        }
    }
}
