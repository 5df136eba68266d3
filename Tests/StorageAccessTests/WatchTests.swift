// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import StorageAccess
import StorageVersions
import Synchronization
import Testing

/// A caller's rules and a stream of events.
@Suite(.timeLimit(.minutes(20))) struct WatchTests {
    private static func authorized(_ host: MemoryHost, _ rules: [AccessRule]) throws -> AuthorizingHost {
        let method = MethodName(group: .disk, version: try #require(APIVersion("v1")), name: "WatchDisks")
        return AuthorizingHost(
            host, for: Authorization(uid: 7, method: method, rules: rules), paths: host.settings.paths)
    }

    private func attach(_ serial: String, to host: MemoryHost) throws -> DiskNumber {
        try host.backend.attachDisk(
            size: 1 << 30, identifiers: DiskIdentifiers(page83: "", serialNumber: serial))
    }

    @Test func aDiskOfOthersIsNotShown() async throws {
        let host = try MemoryHost()
        let (own, other) = (try attach("own-1", to: host), try attach("other-1", to: host))
        let rule = AccessRule(name: "own", uids: [7], devices: [DevicePattern(serial: NamePattern("own-*"))])
        let events = try await Self.authorized(host, [rule]).watchDisks()
        #expect(try await events.next() == .appeared(own))
        #expect(try await events.next() == .listed)
        // Seen and not seen, both go; what was not seen is not named either.
        host.backend.detachDisk(other)
        host.backend.detachDisk(own)
        let later = try attach("own-2", to: host)
        #expect(try await events.next() == .gone(own))
        #expect(try await events.next() == .appeared(later))
    }

    /// Events of several disks.
    private struct WatchDisksTogether: HostWatch, ResolvedWatch {
        static let name: OperationName = "watch disks together"
        var events: [[DiskNumber]]
        var subjects: [Subject] { [] }

        func run(on backend: some StorageBackend) async throws(StorageError) -> HostEvents<[DiskNumber]> {
            let left = Mutex(events[...])
            return HostEvents { () async throws(StorageError) in left.withLock { $0.popFirst() } }
        }

        static func subjects(of event: [DiskNumber]) -> [Subject] { event.map(Subject.disk) }
    }

    @Test func anEventOfSeveralDisksIsShownToCallersThatMaySeeThemAll() async throws {
        let host = try MemoryHost()
        let (own, second, other) = (
            try attach("own-1", to: host), try attach("own-2", to: host), try attach("other-1", to: host)
        )
        let rule = AccessRule(name: "own", uids: [7], devices: [DevicePattern(serial: NamePattern("own-*"))])
        let events = try await Self.authorized(host, [rule]).watch(
            WatchDisksTogether(events: [[own, other], [own, second], [other]]))
        #expect(try await events.next() == [own, second])
        #expect(try await events.next() == nil)
    }

    @Test func aRuleWithoutDevicesShowsAll() async throws {
        let host = try MemoryHost()
        let disk = try attach("any", to: host)
        let events = try await Self.authorized(host, [AccessRule(name: "all", uids: [7])]).watchDisks()
        #expect(try await events.next() == .appeared(disk))
    }

    @Test func withoutARuleThereIsNoWatch() async throws {
        let host = try MemoryHost()
        await expectError(.denied, "no rule") { _ = try await Self.authorized(host, []).watchDisks() }
    }
}
