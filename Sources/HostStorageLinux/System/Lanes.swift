// SPDX-License-Identifier: Apache-2.0

import Dispatch
import HostStorage
import Synchronization

/// Where everything runs that can sleep in the kernel: off Swift's cooperative pool, one thing at a time
/// per lane, each lane on its own.
///
/// A lane is named after the disk or path that its work is about. When one hangs, the work behind it on
/// the same disk or path waits, and everything else goes on. The number of lanes at a time, and with it of
/// threads, is bounded, and so is what waits in each; beyond it calls fail at once with
/// ``StorageError/Code/exhausted``. Paths, shares and iSCSI get half of the lanes at most: a mount that hangs is reached
/// by many paths, and the disks are to have theirs all the same.
final class Lanes: Sendable {
    enum Lane: Hashable, Sendable {
        case disk(name: String)
        case path(HostPath)
        /// What disks are attached to, by its file in sysfs.
        case bus(String)
        case inventory
        case share(SMBShare)
        /// What the machine's firmware says.
        case firmware
        /// Questions about services, which do not wait for what is being done to one.
        case services
        case service(ServiceName)
        case portal(ISCSIPortal)
        case target(ISCSITarget)

        /// Whether many of a kind can hang by one cause: paths below one mount, servers behind one network.
        var leavesRoomForDisks: Bool {
            switch self {
            case .path, .share, .portal, .target: true
            default: false
            }
        }
    }

    private struct Work {
        let queue: DispatchQueue
        /// Under way and waiting.
        var jobs = 1
        /// When the job under way began.
        var began: ContinuousClock.Instant?
    }

    private let lanes = Mutex<[Lane: Work]>([:])
    private let limit: Int
    private let backlog: Int

    /// - Parameters:
    ///   - limit: the most lanes at a time. libdispatch gives serial queues at most 255 threads, so it stays
    ///     below.
    ///   - backlog: the most jobs under way and waiting in one lane.
    init(limit: Int = 200, backlog: Int = 1000) {
        self.limit = limit
        self.backlog = backlog
    }

    /// A lane that has been at one job for so long may hang.
    static let patience: Duration = .milliseconds(250)

    /// How long the job under way in `lane` has been at it.
    func timeAtWork(in lane: Lane) -> Duration {
        lanes.withLock { $0[lane]?.began }.map { $0.duration(to: .now) } ?? .zero
    }

    /// How many lanes have been at one job for longer.
    func countAtWork(longerThan duration: Duration) -> Int {
        let now = ContinuousClock.now
        return lanes.withLock {
            $0.values.count { work in work.began.map { $0.duration(to: now) > duration } ?? false }
        }
    }

    /// Runs `work` in `lane`. What only the work held, such as a disk's lock, is given up before the caller goes on.
    ///
    /// A caller that is cancelled, or that has waited for `timeout`, leaves; the work goes on and keeps its lane until
    /// it ends. Work that has not begun by then never does, and keeps what it holds until its turn comes.
    func run<Value: Sendable>(
        in lane: Lane, timeout: Duration? = nil, _ work: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let answer = Answer<Value>()
        let job = Job(work)
        let queue = try enter(lane)
        queue.async { [self] in
            guard !answer.isGiven else { return leave(lane) }
            lanes.withLock { $0[lane]?.began = .now }
            let result = job.finish()
            leave(lane)
            answer.give(consume result)
        }
        let watch = timeout.map { timeout in
            Task {
                guard (try? await Task.sleep(for: timeout)) != nil else { return }
                answer.give(.failure(StorageError(.deadlineExceeded, "it has not answered within \(timeout)")))
            }
        }
        defer { watch?.cancel() }
        return try await withTaskCancellationHandler {
            await answer.wait()
        } onCancel: {
            answer.give(.failure(StorageError(.cancelled, "the caller gave up")))
        }.get()
    }

    private func enter(_ lane: Lane) throws(StorageError) -> DispatchQueue {
        let queue = lanes.withLock { lanes -> DispatchQueue? in
            if let work = lanes[lane] {
                guard work.jobs < backlog else { return nil }
                lanes[lane]?.jobs += 1
                return work.queue
            }
            guard lanes.count < limit,
                !lane.leavesRoomForDisks || lanes.keys.count(where: \.leavesRoomForDisks) < limit / 2
            else { return nil }
            let queue = DispatchQueue(label: "host-storage.lane")
            lanes[lane] = Work(queue: queue)
            return queue
        }
        guard let queue else { throw StorageError(.exhausted, "too many operations are under way and do not end") }
        return queue
    }

    private func leave(_ lane: Lane) {
        lanes.withLock { lanes in
            guard let work = lanes[lane] else { return }
            lanes[lane] = work.jobs == 1 ? nil : Work(queue: work.queue, jobs: work.jobs - 1)
        }
    }
}

/// Work to be done once, which goes with all that it holds when it is done.
private final class Job<Value: Sendable>: Sendable {
    private let work: Mutex<(@Sendable () throws(StorageError) -> Value)?>

    init(_ work: @escaping @Sendable () throws(StorageError) -> Value) { self.work = Mutex(work) }

    func finish() -> Result<Value, StorageError> {
        guard let work = work.withLock({ $0.take() }) else { preconditionFailure("work is done once") }
        do throws(StorageError) { return .success(try work()) } catch { return .failure(error) }
    }
}

/// One answer, for one who waits for it. The first given counts.
private final class Answer<Value: Sendable>: Sendable {
    private enum State {
        case pending(CheckedContinuation<Result<Value, StorageError>, Never>?)
        case given(Result<Value, StorageError>)
        case taken
    }

    private let state = Mutex(State.pending(nil))

    /// Whether nobody waits for an answer any more.
    var isGiven: Bool { state.withLock { if case .pending = $0 { false } else { true } } }

    /// Keeps nothing of the result when its waiter goes on.
    func give(_ given: consuming Result<Value, StorageError>) {
        var result = Optional(consume given)
        let waiter = state.withLock { state -> CheckedContinuation<Result<Value, StorageError>, Never>? in
            guard case .pending(let waiter) = state else { return nil }
            if waiter == nil, let result = result.take() { state = .given(result) } else { state = .taken }
            return waiter
        }
        if let waiter, let result = result.take() { waiter.resume(returning: consume result) }
    }

    func wait() async -> Result<Value, StorageError> {
        await withCheckedContinuation { continuation in
            let result = state.withLock { state -> Result<Value, StorageError>? in
                guard case .given(let result) = state else {
                    state = .pending(continuation)
                    return nil
                }
                state = .taken
                return result
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
