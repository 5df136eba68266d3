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
    @Suite(.timeLimit(.minutes(20))) struct S6RaceTests {
        /// How long it goes on at least. It goes on until every client has met both sides of the race, however long a
        /// busy machine takes for that.
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
            let race = Race()
            async let making: Void = Self.repeat("make", in: race) { () throws(StorageError) in
                try await host.makeDirectory(path("way/new/deep"))
                try await host.remove(path("way/new"), force: true)
            }
            async let linking: Void = Self.repeat("link", in: race) { () throws(StorageError) in
                // First, for the last try may have been cut off between the two.
                try await host.remove(path("way/link"), force: true)
                try await host.createSymlink(at: path("way/link"), to: path("target"))
                _ = try await host.isSymlink(path("way/link"))
            }
            async let mounting: Void = Self.repeat("mount", in: race) { () throws(StorageError) in
                try await host.mountVolume(volume, at: path("way/staging"))
                let mounts = try MountTable.read()
                #expect(!mounts.contains { $0.target.hasPrefix(canary.path) }, "mounted outside")
            }
            async let unmounting: Void = Self.repeat("unmount", in: race) { () throws(StorageError) in
                try await host.unmountVolume(volume, from: path("way/staging"))
            }
            async let emptying: Void = Self.repeat("empty", in: race) { () throws(StorageError) in
                try await host.makeDirectory(path("last/tree/deep"))
                try await host.removeContents(of: path("last"))
            }
            async let removing: Void = Self.repeat("remove", in: race) { () throws(StorageError) in
                try await host.makeDirectory(path("way/tree/deep"))
                try await host.remove(path("way/tree"), force: true)
            }
            async let slips: Void = Self.slip(in: race, through: path("way"))
            let least = ContinuousClock.now + Self.duration
            let outcome: Result<Void, any Error>
            do {
                try await eventually("all have met both sides of the race", within: .seconds(900)) {
                    .now >= least && race.isMet && swaps.allSatisfy { $0.swaps > 10_000 }
                }
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            race.end()
            _ = await (making, linking, mounting, unmounting, emptying, removing, slips)
            let swapped = swaps.map { $0.stop() }
            print("S6: \(race.slips) slips, \(swapped) swaps, \(race.tallies)")

            #expect(try canary.isUnchanged(), "the tree outside has changed")
            for (name, tally) in race.tallies { #expect(tally.unexpected.isEmpty, "\(name): \(tally.unexpected)") }
            // The race was one: text alone would have led outside, and the clients met both sides of it.
            try outcome.get()
        }

        /// How far the race has come, and whether it is over.
        private final class Race: Sendable {
            private let state = Mutex((isOver: false, slips: 0, tallies: [String: CounterSeries]()))

            var isOver: Bool { state.withLock { $0.isOver } }
            var slips: Int { state.withLock { $0.slips } }
            var tallies: [String: CounterSeries] { state.withLock { $0.tallies } }
            func end() { state.withLock { $0.isOver = true } }
            func hasSlipped() { state.withLock { $0.slips += 1 } }
            func note(_ tally: CounterSeries, of name: String) { state.withLock { $0.tallies[name] = tally } }

            var isMet: Bool {
                state.withLock { state in
                    state.slips > 50 && state.tallies.count == Self.clients
                        && state.tallies.values.allSatisfy { $0.done > 5 && $0.refused > 5 }
                }
            }

            private static let clients = 6
        }

        struct CounterSeries: Sendable {
            var done = 0
            var refused = 0
            var unexpected: [String] = []
        }

        /// Repeats a call, and counts its results.
        private static func `repeat`(
            _ name: String, in race: Race, _ work: @Sendable () async throws(StorageError) -> Void
        ) async {
            var tally = CounterSeries()
            while !race.isOver {
                do throws(StorageError) {
                    try await work()
                    tally.done += 1
                } catch {
                    switch error.code {
                    // A link is in the way, a directory is elsewhere, the rest of an earlier try is in the way, or all
                    // changes faster than it can be looked at.
                    case .failedPrecondition, .notFound, .alreadyExists, .denied, .aborted: tally.refused += 1
                    default: if tally.unexpected.count < 5 { tally.unexpected.append("\(error)") }
                    }
                }
                race.note(tally, of: name)
            }
        }

        /// Resolves by text alone, and counts how often that ends outside.
        private static func slip(in race: Race, through way: String) async {
            while !race.isOver {
                if access("\(way)/tree/kept", F_OK) == 0 { race.hasSlipped() }
                await Task.yield()
            }
        }
    }
}
