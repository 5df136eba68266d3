// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What has become of a disk of the host.
@nonexhaustive public enum DiskEvent: Sendable, Hashable, Codable {
    /// It is there.
    case appeared(DiskNumber)
    /// It has another size than before.
    case resized(DiskNumber)
    /// It is not there any more, and its number is never used again.
    case gone(DiskNumber)
    /// All disks that were there when the watch began have appeared.
    case listed
}

extension StorageHost {
    /// Watches the disks of this host: those that are there, ``DiskEvent/listed``, then changes as they happen.
    ///
    /// Of several changes between two events that are read, the last counts: a disk that came and went is not named.
    /// On Linux the kernel's events wake it and no disk is asked, so a disk that does not answer appears too.
    ///
    /// - Throws: ``StorageError/Code/unsupported`` on a host that streams no events. The stream fails with the error of
    ///   the list of disks.
    public func watchDisks() async throws(StorageError) -> HostEvents<DiskEvent> { try await watch(WatchDisks()) }
}

public protocol DiskWatchBackend: Sendable {
    func watchDisks() async throws(StorageError) -> HostEvents<DiskEvent>
}

extension DiskWatchBackend {
    public func watchDisks() async throws(StorageError) -> HostEvents<DiskEvent> {
        throw StorageError(.unsupported, "this host streams no events")
    }
}

public struct WatchDisks: HostWatch, ResolvedWatch {
    public init() {}

    public static var name: OperationName { .watchDisks }
    public var subjects: [Subject] { [] }
    public func run(on backend: some StorageBackend) async throws(StorageError) -> HostEvents<DiskEvent> {
        try await backend.watchDisks()
    }

    public static func subjects(of event: DiskEvent) -> [Subject] {
        switch event {
        case .appeared(let disk), .resized(let disk), .gone(let disk): [.disk(disk)]
        case .listed: []
        }
    }
}

extension OperationName {
    public static let watchDisks: OperationName = "watch disks"
}

extension HostEvents where Event == DiskEvent {
    /// Events by comparing one list of disks with the one before.
    ///
    /// - Parameters:
    ///   - sizes: each disk's, in bytes.
    ///   - signal: given at each change.
    package init(
        comparing sizes: @escaping @Sendable () async throws(StorageError) -> [DiskNumber: Int64],
        at signal: ChangeSignal
    ) {
        let comparison = Mutex(DiskComparison())
        self.init { () async throws(StorageError) in
            while !Task.isCancelled {
                if let event = comparison.withLock({ $0.pending.popFirst() }) { return event }
                if let seen = comparison.withLock({ $0.seen }) { await signal.wait(after: seen) }
                // Before the look: a change during it is looked at again.
                let seen = signal.count
                let now = try await sizes()
                comparison.withLock { $0.compare(now, seen) }
            }
            return nil
        }
    }
}

private struct DiskComparison {
    var sizes: [DiskNumber: Int64] = [:]
    /// The changes before the last look; nil before the first.
    var seen: UInt64?
    var pending: ArraySlice<DiskEvent> = []

    mutating func compare(_ now: [DiskNumber: Int64], _ seen: UInt64) {
        pending += sizes.keys.filter { now[$0] == nil }.sorted().map(DiskEvent.gone)
        for (disk, size) in now.sorted(by: { $0.key < $1.key }) {
            if let before = sizes[disk] {
                if before != size { pending.append(.resized(disk)) }
            } else {
                pending.append(.appeared(disk))
            }
        }
        if self.seen == nil { pending.append(.listed) }
        (sizes, self.seen) = (now, seen)
    }
}
