// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    @Suite struct DiskWatchTests {
        /// The next event about one of these disks, or the end of the list.
        private func next(
            _ events: HostEvents<DiskEvent>, about disks: DiskNumber...
        ) async throws -> DiskEvent? {
            try await finishing("an event") {
                while let event = try await events.next() {
                    switch event {
                    case .appeared(let disk), .resized(let disk), .gone(let disk):
                        if disks.contains(disk) { return event }
                    default: return event
                    }
                }
                return nil
            }
        }

        @Test func aLoopDiskComesGrowsAndGoes() async throws {
            let host = try LinkedHost().host
            let first = try LoopDisk(size: 64 << 20)
            let firstNumber = try first.number
            let events = try await host.watchDisks()
            #expect(try await next(events, about: firstNumber) == .appeared(firstNumber))
            #expect(try await next(events) == .listed)

            // The reader looks again only after it was woken.
            var second: LoopDisk? = try LoopDisk(size: 64 << 20)
            let secondNumber = try #require(try second?.number)
            #expect(try await next(events, about: secondNumber) == .appeared(secondNumber))
            try first.grow(to: 128 << 20)
            try await host.rescanDisks()
            #expect(try await next(events, about: firstNumber) == .resized(firstNumber))
            second = nil
            #expect(try await next(events, about: secondNumber) == .gone(secondNumber))
            #expect(second == nil)
        }

        /// Several watches share one thread, which ends with the last.
        @Test func theThreadEndsWithTheLastWatch() async throws {
            func threads() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count { task in
                    (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)) == "disk events\n"
                }
            }
            let host = try LinkedHost().host
            // That of the watch of a test before ends in its own time.
            try await eventually("no thread listens") { try threads() == 0 }
            for _ in 0..<3 {
                var watches: [HostEvents<DiskEvent>] = []
                for _ in 0..<8 { watches.append(try await host.watchDisks()) }
                for watch in watches { _ = try await watch.next() }
                try await eventually("one thread listens") { try threads() == 1 }
                watches = []
                try await eventually("it has ended") { try threads() == 0 }
            }
        }
    }
}
