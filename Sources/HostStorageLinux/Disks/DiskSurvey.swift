// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// One question that all disks are asked, each in its own lane, and what each of them last said.
///
/// A disk that hangs holds up nobody who asks all of them: its last answer stands in for it, and where there
/// is none, it goes without. A disk that answers with an error has answered.
final class DiskSurvey<Answer: Sendable>: Sendable {
    private let lanes: Lanes
    private let patience: Duration
    private let question: @Sendable (DiskNode) throws(StorageError) -> Answer
    private let known = Mutex<[DiskNumber: Answer]>([:])

    /// - Parameter patience: how long a disk may take of which nothing is known. For others it is
    ///   ``Lanes/patience``.
    init(
        _ lanes: Lanes, patience: Duration, question: @escaping @Sendable (DiskNode) throws(StorageError) -> Answer
    ) {
        self.lanes = lanes
        self.patience = patience
        self.question = question
    }

    struct Reply: Sendable {
        let disk: DiskNode
        let answer: Result<Answer, StorageError>

        fileprivate var isLate: Bool {
            if case .failure(let error) = answer { error.code == .deadlineExceeded } else { false }
        }
    }

    /// Asks all of `disks`, which are all that there are.
    func ask(all disks: [DiskNode]) async -> [Reply] {
        let present = Set(disks.map(\.number))
        known.withLock { known in known = known.filter { present.contains($0.key) } }
        return await ask(disks)
    }

    /// Asks some disks, a few at a time. Those that take long are waited for when all others have been asked.
    func ask(_ disks: [DiskNode]) async -> [Reply] {
        let first = await ask(disks, atATime: Self.width, patience: min(patience, Lanes.patience))
        let slow = first.filter(\.isLate).map(\.disk)
        // What is waited for is under way already, and waiting takes no thread.
        return await first.filter { !$0.isLate } + ask(slow, atATime: .max, patience: patience)
    }

    private static var width: Int { 64 }

    private func ask(_ disks: [DiskNode], atATime width: Int, patience: Duration) async -> [Reply] {
        await withTaskGroup(of: Reply.self) { group in
            var replies: [Reply] = []
            for (index, disk) in disks.enumerated() {
                if index >= width, let reply = await group.next() { replies.append(reply) }
                group.addTask { await self.reply(of: disk, patience) }
            }
            return await group.reduce(into: replies) { $0.append($1) }
        }
    }

    func ask(_ disk: DiskNode) async throws(StorageError) -> Answer { try await ask(disk, patience, for: .call) }

    private func ask(
        _ disk: DiskNode, _ patience: Duration, for purpose: Lanes.Purpose
    ) async throws(StorageError) -> Answer {
        let last = disk.isUnchanged ? known.withLock { $0[disk.number] } : nil
        let lane = Lanes.Lane.disk(name: disk.name)
        let left = (last == nil ? patience : Lanes.patience) - lanes.timeAtWork(in: lane)
        do throws(StorageError) {
            guard left > .zero else { throw StorageError(.deadlineExceeded, "it does not answer") }
            return try await lanes.run(in: lane, for: purpose, timeout: left) { [self] () throws(StorageError) in
                // Noted down in the lane, so that no answer takes the place of a newer one.
                do throws(StorageError) {
                    let answer = try question(disk)
                    // What a disk said before it named itself anew is all that is known of the one that it was.
                    if disk.isUnchanged { known.withLock { $0[disk.number] = answer } }
                    return answer
                } catch {
                    // Where it may only be this process that has too little, its last answer stands in for it.
                    if error.code != .deadlineExceeded, error.code != .exhausted { forget(disk) }
                    throw error
                }
            }
        } catch  where error.code == .deadlineExceeded || error.code == .exhausted {
            guard let last else { throw error }
            return last
        }
    }

    /// What the disk last said holds no more. For work in its lane that changes it.
    func forget(_ disk: DiskNode) { _ = known.withLock { $0.removeValue(forKey: disk.number) } }

    /// The disk whose last answer was such.
    func disk(where isIt: (Answer) -> Bool) -> DiskNumber? {
        known.withLock { known in known.first { isIt($0.value) }?.key }
    }

    private func reply(of disk: DiskNode, _ patience: Duration) async -> Reply {
        do throws(StorageError) {
            return Reply(disk: disk, answer: .success(try await ask(disk, patience, for: .search)))
        } catch {
            return Reply(disk: disk, answer: .failure(error))
        }
    }
}
