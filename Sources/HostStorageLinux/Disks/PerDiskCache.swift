// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// Values that are read of each disk, in the disk's own queue, and the last answer of each.
///
/// A disk that hangs delays no query of all disks: its last answer stands in for it, and where there is none, it is
/// left out. A disk that answers with an error has answered.
final class PerDiskCache<Answer: Sendable>: Sendable {
    private let queues: BlockingQueues
    private let timeout: Duration
    private let read: @Sendable (DiskNode) throws(StorageError) -> Answer
    private let known = Mutex<[DiskNumber: Answer]>([:])

    /// - Parameter timeout: how long a disk without an earlier answer may take. For others it is
    ///   ``BlockingQueues/timeout``.
    init(
        _ queues: BlockingQueues, timeout: Duration, read: @escaping @Sendable (DiskNode) throws(StorageError) -> Answer
    ) {
        self.queues = queues
        self.timeout = timeout
        self.read = read
    }

    struct QueryResult: Sendable {
        let disk: DiskNode
        let answer: Result<Answer, StorageError>

        fileprivate var isLate: Bool {
            if case .failure(let error) = answer { error.code == .deadlineExceeded } else { false }
        }
    }

    /// Asks all of `disks`, which are all disks of the host.
    func query(all disks: [DiskNode]) async -> [QueryResult] {
        forgetAll(but: disks)
        return await query(disks)
    }

    /// Forgets disks that have gone.
    ///
    /// - Parameter disks: all disks of the host.
    func forgetAll(but disks: [DiskNode]) {
        let present = Set(disks.map(\.number))
        known.withLock { known in known = known.filter { present.contains($0.key) } }
    }

    /// Asks some disks, a few at a time. Those that take long are awaited when all others have been asked.
    func query(_ disks: [DiskNode]) async -> [QueryResult] {
        let first = await query(disks, atATime: Self.width, timeout: min(timeout, BlockingQueues.timeout))
        let slow = first.filter(\.isLate).map(\.disk)
        // The queries are under way already, and waiting takes no thread.
        return await first.filter { !$0.isLate } + query(slow, atATime: .max, timeout: timeout)
    }

    private static var width: Int { 64 }

    private func query(_ disks: [DiskNode], atATime width: Int, timeout: Duration) async -> [QueryResult] {
        await withTaskGroup(of: QueryResult.self) { group in
            var replies: [QueryResult] = []
            for (index, disk) in disks.enumerated() {
                if index >= width, let reply = await group.next() { replies.append(reply) }
                group.addTask { await self.reply(of: disk, timeout) }
            }
            return await group.reduce(into: replies) { $0.append($1) }
        }
    }

    func query(_ disk: DiskNode) async throws(StorageError) -> Answer { try await query(disk, timeout, for: .call) }

    private func query(
        _ disk: DiskNode, _ timeout: Duration, for purpose: BlockingQueues.Purpose
    ) async throws(StorageError) -> Answer {
        let last = last(of: disk)
        let queue = BlockingQueues.Queue.disk(name: disk.name)
        let left = (last == nil ? timeout : BlockingQueues.timeout) - queues.timeAtWork(in: queue)
        do throws(StorageError) {
            guard left > .zero else { throw StorageError(.deadlineExceeded, "it does not answer") }
            return try await queues.run(in: queue, for: purpose, timeout: left) { [self] () throws(StorageError) in
                // Recorded in the queue, so that no answer replaces a newer one.
                do throws(StorageError) {
                    let answer = try read(disk)
                    // The answer of a disk before it changed its names is all that is known of the earlier disk.
                    if disk.isUnchanged { known.withLock { $0[disk.number] = answer } }
                    return answer
                } catch {
                    // Where the reason may be this process's own limits, the last answer stands in for it.
                    if error.code != .deadlineExceeded, error.code != .exhausted { forget(disk) }
                    throw error
                }
            }
        } catch  where error.code == .deadlineExceeded || error.code == .exhausted {
            guard let last else { throw error }
            return last
        }
    }

    /// Invalidates the disk's last answer. For work in its queue that changes it.
    func forget(_ disk: DiskNode) { _ = known.withLock { $0.removeValue(forKey: disk.number) } }

    /// The disk's last answer; nil where there is none, or the disk has other names now.
    func last(of disk: DiskNode) -> Answer? { disk.isUnchanged ? known.withLock { $0[disk.number] } : nil }

    /// The last answer of the disk of that number, also where its names have changed.
    func last(of disk: DiskNumber) -> Answer? { known.withLock { $0[disk] } }

    /// The disk whose last answer satisfies the condition, and that answer.
    func last(where isIt: (Answer) -> Bool) -> (disk: DiskNumber, answer: Answer)? {
        known.withLock { known in known.first { isIt($0.value) }.map { ($0.key, $0.value) } }
    }

    private func reply(of disk: DiskNode, _ timeout: Duration) async -> QueryResult {
        do throws(StorageError) {
            return QueryResult(disk: disk, answer: .success(try await query(disk, timeout, for: .search)))
        } catch {
            return QueryResult(disk: disk, answer: .failure(error))
        }
    }
}
