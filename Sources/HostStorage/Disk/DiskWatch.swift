// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A change of the disks of a host.
@nonexhaustive public enum DiskEvent: Sendable, Hashable, Codable {
    /// The disk is there. Its size and names can be asked for.
    case appeared(DiskNumber)
    /// The disk has another size than before.
    case resized(DiskNumber)
    /// The disk is not there any more. Its number is never used again.
    case gone(DiskNumber)
    /// The end of the list with which a watch begins: each disk that was there has been reported as
    /// ``appeared(_:)``.
    case listed
}

extension StorageHost {
    /// Watches the disks of this host: those that are there, ``DiskEvent/listed``, then changes as they happen.
    ///
    /// Changes between two reads are merged: a disk that came and went between them is not reported. Each watch begins
    /// with the whole list, so a reader that was away watches anew. Nothing is held: operations go on meanwhile.
    ///
    /// On Linux the kernel's events wake the reader, in a container with a network namespace of its own within half a
    /// second. No disk is asked, so a disk that does not answer is reported too.
    ///
    /// - Throws: ``StorageError/Code/unsupported`` on a host that streams no events, ``StorageError/Code/denied`` where no
    ///   rule permits the caller to watch. The stream throws where the list of disks cannot be read, such as
    ///   ``StorageError/Code/exhausted``.
    public func watchDisks() async throws(StorageError) -> HostEvents<DiskEvent> { try await watch(WatchDisks()) }
}

/// The backend's part of ``StorageHost/watchDisks()``. Without an implementation it is
/// ``StorageError/Code/unsupported``.
public protocol DiskWatchBackend: Sendable {
    func watchDisks() async throws(StorageError) -> HostEvents<DiskEvent>
}

extension DiskWatchBackend {
    public func watchDisks() async throws(StorageError) -> HostEvents<DiskEvent> {
        throw StorageError(.unsupported, "this host streams no events")
    }
}

/// See ``StorageHost/watchDisks()``.
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
    /// Events from comparing each list of disks with the one before.
    ///
    /// - Parameters:
    ///   - sizes: lists the disks with their sizes in bytes.
    ///   - signal: wakes the reader when the list may have changed.
    package init(
        comparing sizes: @escaping @Sendable () async throws(StorageError) -> [DiskNumber: Int64],
        at signal: ChangeSignal
    ) {
        let comparison = Mutex(DiskComparison())
        self.init { () async throws(StorageError) in
            while !Task.isCancelled {
                if let event = comparison.withLock({ $0.pending.popFirst() }) { return event }
                if let seen = comparison.withLock({ $0.seen }) { await signal.wait(after: seen) }
                // Counted before the list is read: a change during it makes the next read list again.
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
    /// The signal's count before the last list was read; nil before the first.
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
