// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorageTestKit
import Testing

@testable import HostStorage

/// S10: which keys are in each other's way.
@Suite struct S10LockKeyTests {
    static let policy = Result { try PathPolicy(roots: ["/k", "/k/inner"]) }

    static func path(_ text: String) throws -> HostPath { try policy.get().resolve(text) }

    @Test func aTreeHoldsWhatIsBeneathItAndAnEntryItselfAlone() throws {
        let (a, b, ab, other) = (
            try Self.path("/k/a"), try Self.path("/k/b"), try Self.path("/k/a/b"), try Self.path("/k/ab")
        )
        let inTheWay: [(LockKey, LockKey, Bool)] = [
            (.tree(a), .tree(a), true), (.tree(a), .tree(ab), true), (.tree(a), .entry(ab), true),
            (.tree(ab), .entry(a), false), (.entry(a), .entry(ab), false), (.entry(a), .entry(a), true),
            (.entry(a), .tree(a), true), (.tree(a), .tree(b), false), (.tree(a), .tree(other), false),
            (.tree(a), .entry(other), false), (.tree(a), .disk(DiskNumber(1)), false),
            (.disk(DiskNumber(1)), .disk(DiskNumber(1)), true), (.disk(DiskNumber(1)), .disk(DiskNumber(2)), false),
            // Beneath every root.
            (.tree(try Self.path("/k/inner")), .entry(try Self.path("/k/inner/x")), true),
        ]
        for (key, other, isInTheWay) in inTheWay {
            #expect(key.isInTheWay(of: other) == isInTheWay, "\(key) \(other)")
            #expect(other.isInTheWay(of: key) == isInTheWay, "\(other) \(key)")
        }
    }

    @Test func aForcedRemovalAndAMountBeneathItWaitForEachOther() async throws {
        let host = try MemoryHost(roots: ["/k"])
        let disk = try host.backend.attachDisk(size: 1 << 30, content: .gpt([PartitionContent(.filesystem(.ext4))]))
        let volume = try #require(try await host.volumes(on: disk, partition: nil).first)
        try await host.makeDirectory("/k/a/b")
        let hang = host.backend.hang(.mountVolume)
        let mount = Task { try await host.mountVolume(volume, at: "/k/a/b") }
        await hang.reached()
        // Neither a directory around it nor one beside it waits.
        try await host.makeDirectory("/k/a")
        try await host.makeDirectory("/k/a/c")
        let removal = Task { try await host.remove("/k/a", force: true) }
        try await eventually("the removal waits") { host.operations.waiting.map(\.name) == ["remove with force"] }
        hang.release()
        try await mount.value
        let error = await #expect(throws: StorageError.self) { try await removal.value }
        #expect(error?.code == .busy)
        #expect(try await host.volume(mountedAt: "/k/a/b") == volume)
    }

    /// Where names are compared without case, a place has many spellings and one key.
    @Test func everySpellingOfAPlaceIsHeld() async throws {
        let host = MemoryHost(settings: HostSettings(paths: try PathPolicy(roots: ["/k"], ignoresCase: true)))
        try await host.makeDirectory("/k/a/b")
        let hang = host.backend.hang(.remove)
        let removal = Task { try await host.remove("/k/a/b", force: true) }
        await hang.reached()
        let others = [
            Task { try await host.remove("/k/A", force: true) }, Task { try await host.makeDirectory("/k/a/B") },
            Task { try await host.makeDirectory("/K/A/b/c") },
        ]
        try await eventually("the others wait") { host.operations.waiting.count == others.count }
        hang.release()
        try await removal.value
        for other in others { _ = await other.result }
    }
}
