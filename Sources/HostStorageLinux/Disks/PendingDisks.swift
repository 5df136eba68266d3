// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// Disks that the kernel has found and that cannot be used yet: their driver probes them asynchronously.
final class PendingDisks: Sendable {
    /// The addresses of disks that did not come in time. No call waits for them again.
    private let abandoned = Mutex<Set<String>>([])

    /// Waits until they can be used, and returns the addresses of those that cannot be used by then.
    func wait(for timeout: Duration) throws(StorageError) -> [String] {
        abandoned.withLock { $0.formIntersection(Self.current()) }
        if try BlockEvents.wait(for: timeout, until: { missing.isEmpty }) { return [] }
        let left = missing
        abandoned.withLock { $0.formUnion(left) }
        return left.sorted()
    }

    private var missing: Set<String> { abandoned.withLock { Self.current().subtracting($0) } }

    private static func current() -> Set<String> {
        Set(SCSIUnit.all().filter { $0.isDisk && !$0.isUsableDisk }.map(\.address))
    }
}
