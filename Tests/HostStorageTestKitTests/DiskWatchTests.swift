// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

@Suite(.timeLimit(.minutes(20))) struct DiskWatchTests {
    let host: MemoryHost
    var backend: MemoryBackend { host.backend }

    init() throws { host = try MemoryHost() }

    /// The next `count` events.
    private func read(_ count: Int, of events: HostEvents<DiskEvent>) async throws -> [DiskEvent?] {
        try await finishing("\(count) events") {
            var read: [DiskEvent?] = []
            while read.count < count { read.append(try await events.next()) }
            return read
        }
    }

    @Test func itBeginsWithWhatIsThereAndGoesOnWithChanges() async throws {
        let first = try backend.attachDisk(size: 1 << 30)
        let second = try backend.attachDisk(size: 1 << 30)
        let events = try await host.watchDisks()
        #expect(try await read(3, of: events) == [.appeared(first), .appeared(second), .listed])
        let third = try backend.attachDisk(size: 1 << 30)
        #expect(try await read(1, of: events) == [.appeared(third)])
        backend.growDisk(first, to: 2 << 30)
        try await host.rescanDisks()
        #expect(try await read(1, of: events) == [.resized(first)])
        backend.detachDisk(second)
        #expect(try await read(1, of: events) == [.gone(second)])
    }

    /// While a reader waits, too.
    @Test func aChangeWakesTheReader() async throws {
        let events = try await host.watchDisks()
        #expect(try await read(1, of: events) == [.listed])
        for _ in 0..<100 {
            async let event = read(1, of: events)
            let disk = try backend.attachDisk(size: 1 << 30)
            #expect(try await event == [.appeared(disk)])
        }
    }

    @Test func aReaderThatIsSlowIsGivenWhatHasBecomeOfSeveralChanges() async throws {
        let events = try await host.watchDisks()
        #expect(try await read(1, of: events) == [.listed])
        for _ in 0..<1000 { backend.detachDisk(try backend.attachDisk(size: 1 << 30)) }
        let stays = try backend.attachDisk(size: 1 << 30)
        #expect(try await read(1, of: events) == [.appeared(stays)])
    }

    @Test func itEndsWithTheReadersTask() async throws {
        let events = try await host.watchDisks()
        #expect(try await read(1, of: events) == [.listed])
        let reader = Task { try await events.next() }
        reader.cancel()
        #expect(try await finishing("the reader ends") { try await reader.value } == nil)
        try await finishing("the loop ends") { [host] in
            let loop = Task { for try await _ in try await host.watchDisks() {} }
            loop.cancel()
            try await loop.value
        }
    }

    /// A host that is cancelled in the middle of a query of its disks ends the watch as well.
    @Test func itEndsWithTheReadersTaskDuringAQuery() async throws {
        let events = HostEvents<DiskEvent> { () async throws(StorageError) in
            while !Task.isCancelled { await Task.yield() }
            throw StorageError(.cancelled, "the caller gave up")
        }
        let reader = Task { try await events.next() }
        reader.cancel()
        #expect(try await finishing("the reader ends") { try await reader.value } == nil)
    }

    @Test func itFailsAsItIsSetTo() async throws {
        backend.fail(.watchDisks, with: StorageError(.inputOutput, "bad sector"), times: 1)
        await expectError(.inputOutput, "watch disks", "bad sector") { _ = try await host.watchDisks() }
        let events = try await host.watchDisks()
        backend.fail(.watchDisks, with: StorageError(.inputOutput, "bad sector"), times: 1)
        await expectError(.inputOutput, "watch disks", "bad sector") { _ = try await events.next() }
        #expect(try await read(1, of: events) == [.listed])
    }

    @Test func aHostWithoutStreamsSaysSo() async throws {
        struct Without: StorageHost {
            func perform<Operation: HostOperation>(
                _ operation: Operation
            ) async throws(StorageError) -> Operation.Answer {
                throw StorageError(.unsupported, "it does nothing")
            }
        }
        await expectError(.unsupported, "watch disks", "streams no events") { _ = try await Without().watchDisks() }
    }
}
