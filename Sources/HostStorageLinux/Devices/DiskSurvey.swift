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
    }

    /// Asks all of `disks`, which are all that there are.
    func ask(all disks: [DiskNode]) async -> [Reply] {
        let present = Set(disks.map(\.number))
        known.withLock { known in known = known.filter { present.contains($0.key) } }
        return await withTaskGroup(of: Reply.self) { group in
            for disk in disks { group.addTask { await self.reply(of: disk) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    func ask(_ disk: DiskNode) async throws(StorageError) -> Answer {
        let last = disk.isUnchanged ? known.withLock { $0[disk.number] } : nil
        let lane = Lanes.Lane.disk(name: disk.name)
        let left = (last == nil ? patience : Lanes.patience) - lanes.timeAtWork(in: lane)
        do throws(StorageError) {
            guard left > .zero else { throw StorageError(.deadlineExceeded, "it does not answer") }
            return try await lanes.run(in: lane, timeout: left) { [self] () throws(StorageError) in
                // Noted down in the lane, so that no answer takes the place of a newer one.
                do throws(StorageError) {
                    let answer = try question(disk)
                    known.withLock { $0[disk.number] = answer }
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

    private func reply(of disk: DiskNode) async -> Reply {
        do throws(StorageError) {
            return Reply(disk: disk, answer: .success(try await ask(disk)))
        } catch {
            return Reply(disk: disk, answer: .failure(error))
        }
    }
}
