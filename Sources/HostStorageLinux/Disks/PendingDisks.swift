// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// Disks that the kernel has found and that cannot be used yet: their driver probes them asynchronously.
final class PendingDisks: Sendable {
    /// The addresses of disks that did not come in time. No call waits for them again.
    private let abandoned = Mutex<Set<String>>([])

    /// Waits until they can be used, and returns the addresses of those that cannot be used by then.
    func wait(for timeout: Duration) throws(StorageError) -> [String] {
        let current = try Self.current()
        abandoned.withLock { $0.formIntersection(current) }
        if try BlockEvents.wait(for: timeout, until: { (try? missing().isEmpty) ?? false }) { return [] }
        let left = try missing()
        abandoned.withLock { $0.formUnion(left) }
        return left.sorted()
    }

    private func missing() throws(StorageError) -> Set<String> {
        let current = try Self.current()
        return abandoned.withLock { current.subtracting($0) }
    }

    private static func current() throws(StorageError) -> Set<String> {
        Set(try SCSIUnit.all().filter { $0.isDisk && !$0.isUsableDisk }.map(\.address))
    }
}
