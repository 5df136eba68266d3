// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// What one operation keeps of a disk from one step to the next: an open volume, its lock, a directory of its filesystem.
/// It is opened, used and closed in the disk's queue, for each of these can sleep in the kernel.
///
/// The compiler keeps it there: ``OpenDisk``, ``OpenVolume`` and what holds them are not Sendable, so no step can return
/// them, and their initializers are not available in asynchronous code.
final class DiskSession<Kept>: Sendable {
    private let queues: BlockingQueues
    private let queue: BlockingQueues.Queue
    /// For the compiler: a queue runs one job at a time, so no thread waits for the lock.
    private let kept = Mutex<Kept?>(nil)

    private init(_ queues: BlockingQueues, _ queue: BlockingQueues.Queue) {
        self.queues = queues
        self.queue = queue
    }

    /// Opens a session, runs `body` with it, and ends it, also where `body` fails. A caller that is cancelled does not wait
    /// for the end, which comes in its turn.
    ///
    /// - Parameter open: runs in the queue and returns what the session keeps. Where it returns nil, `body` does not run.
    /// - Returns: nil where `open` made nothing.
    static func with<Value: Sendable>(
        _ queues: BlockingQueues, _ queue: BlockingQueues.Queue,
        open: @escaping @Sendable () throws(StorageError) -> Kept?,
        _ body: (DiskSession) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value? {
        let session = DiskSession(queues, queue)
        let isOpen: Bool
        do throws(StorageError) {
            isOpen = try await queues.run(in: queue) { () throws(StorageError) in
                try session.kept.withLock { kept throws(StorageError) in
                    kept = try open()
                    return kept != nil
                }
            }
        } catch {
            // It may still be opened, for a caller that has left. After any other failure nothing is.
            if error.code == .cancelled { await session.end() }
            throw error
        }
        guard isOpen else { return nil }
        do throws(StorageError) {
            let value = try await body(session)
            await session.end()
            return value
        } catch {
            await session.end()
            throw error
        }
    }

    /// Runs `work` in the disk's queue with what the session keeps.
    func step<Value: Sendable>(
        _ work: @escaping @Sendable (Kept) throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await queues.run(in: queue) { [self] () throws(StorageError) in
            try kept.withLock { kept throws(StorageError) in
                guard let kept else { throw StorageError(.internalError, "the session on \(queue) has ended") }
                return try work(kept)
            }
        }
    }

    /// Runs a program on the device, which the session keeps open.
    @discardableResult
    func run(_ run: ToolRun, deadline: Duration) async throws(StorageError) -> ToolRun.Outcome {
        try await run.toItsEnd(deadline: deadline)
    }

    private func end() async {
        await queues.finish(in: queue) { [self] in kept.withLock { $0 = nil } }
    }
}

extension LinuxBackend {
    /// Opens the volume in the queue of its disk, runs `work` there and closes it there.
    func onVolume<Value: Sendable>(
        _ found: LocatedVolume, _ access: OpenVolume.Access = .shared,
        _ work: @escaping @Sendable (OpenVolume) throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        try await onDisk(of: found) { () throws(StorageError) in try work(OpenVolume(found, access)) }
    }

    /// Runs `body` in a session on the volume's disk; see ``DiskSession/with(_:_:open:_:)``.
    func session<Kept, Value: Sendable>(
        on found: LocatedVolume, open: @escaping @Sendable () throws(StorageError) -> Kept?,
        _ body: (DiskSession<Kept>) async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value? {
        CallTrace.current?.note("disk", "\(found.disk.number) (\(found.disk.name))")
        return try await DiskSession.with(queues, .disk(name: found.disk.name), open: open, body)
    }
}
