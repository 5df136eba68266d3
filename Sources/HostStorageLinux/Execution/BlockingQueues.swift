// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Dispatch
import Glibc
import HostStorage
import Synchronization

/// All work that can sleep in the kernel runs here: off Swift's cooperative pool, one job at a time per queue, each
/// queue on a thread of its own while it has work.
///
/// A queue is named after the disk or path of its work. When one hangs, the work behind it on the same disk or path
/// waits, and everything else goes on. The number of threads is bounded. Work without a thread waits for one; beyond a
/// limit of waiting work calls fail at once with ``StorageError/Code/exhausted``.
///
/// Kinds of work of which many can hang by one cause leave threads to the rest. Paths, shares and iSCSI get half of
/// them at most, for a mount that hangs is reached by many paths. Queries of all disks get three eighths, so that an
/// operation on one disk finds a thread though many others hang.
final class BlockingQueues: Sendable {
    enum Queue: Hashable, Sendable, CustomStringConvertible {
        case disk(name: String)
        case path(HostPath)
        /// What disks are attached to: a file in sysfs, or a name.
        case bus(String)
        case inventory
        case share(SMBShare)
        /// The firmware's data.
        case firmware
        /// Queries about services, which do not wait for a start or a stop.
        case services
        case service(ServiceName)
        case portal(ISCSIPortal)
        case target(ISCSITarget)
        /// Thaws. Not the disk's queue: work there may wait for the thaw.
        case frozen(VolumeID)

        /// For the log.
        var description: String {
            switch self {
            case .disk(let name): "disk \(name)"
            case .path(let path): "path \(path)"
            case .bus(let name): name
            case .inventory: "the list of disks"
            case .share(let share): "share \(share)"
            case .firmware: "the firmware"
            case .services: "the list of services"
            case .service(let name): "service \(name)"
            case .portal(let portal): "portal \(portal)"
            case .target(let target): "target \(target)"
            case .frozen(let volume): "frozen volume \(volume)"
            }
        }

        /// Whether many of a kind can hang by one cause: paths below one mount, servers behind one network.
        var leavesRoomForDisks: Bool {
            switch self {
            case .path, .share, .portal, .target: true
            default: false
            }
        }
    }

    enum Purpose: Sendable {
        /// An operation of a caller on this one disk, path or service.
        case call
        /// A query of all disks.
        case search
    }

    private struct Job: Identifiable {
        let id: UInt64
        let purpose: Purpose
        /// Does the work, releases all that it held, calls its argument, and answers the caller.
        let run: @Sendable (() -> Void) -> Void
    }

    private struct Work {
        var waiting: [Job]
        /// When the job under way began, and which room it takes.
        var began: ContinuousClock.Instant?
        var room: Room?
    }

    private enum Room: CaseIterable { case own, remote, search }

    private struct State {
        var queues: [Queue: Work] = [:]
        /// Queues that have work and no thread, the longest waiting first.
        var ready: [Queue] = []
        var running: [Room: Int] = [:]
        var jobs: UInt64 = 0
        var threads = 0
        /// Threads that wait for work, and that are not being woken yet.
        var idle = 0
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)
    private let limit: Int
    private let backlog: Int
    private let waiting: Int

    /// - Parameters:
    ///   - limit: the most threads at a time.
    ///   - backlog: the most jobs under way and waiting in one queue.
    ///   - waiting: the most queues that wait for a thread.
    init(limit: Int = 1024, backlog: Int = 1000, waiting: Int = 8192) {
        self.limit = limit
        self.backlog = backlog
        self.waiting = waiting
    }

    /// A queue that has been at one job for so long may hang.
    static let timeout: Duration = .milliseconds(250)

    /// How long the job under way in `queue` has been at it.
    func timeAtWork(in queue: Queue) -> Duration {
        state.withLock { $0.queues[queue]?.began }.map { $0.duration(to: .now) } ?? .zero
    }

    /// How many queues wait for a thread.
    var countWaiting: Int { state.withLock { $0.ready.count } }

    /// How many queues have been at one job for longer.
    func countAtWork(longerThan duration: Duration) -> Int {
        let now = ContinuousClock.now
        return state.withLock {
            $0.queues.values.count { work in work.began.map { $0.duration(to: now) > duration } ?? false }
        }
    }

    /// Runs `work` in `queue`. What only the work held, such as a disk's lock, is released before the caller goes on.
    ///
    /// A caller that is cancelled, or that has waited for `timeout`, leaves; the work goes on and keeps its queue until
    /// it ends. Work that has not begun by then never does, and keeps what it holds until its turn comes. The trace of
    /// the call shows whether it waits for its turn or for the kernel.
    func run<Value: Sendable>(
        in queue: Queue, for purpose: Purpose = .call, timeout: Duration? = nil,
        _ work: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let answer = PendingAnswer<Value>()
        let once = Once(work)
        let trace = CallTrace.current
        let step = trace?.begin("the work before it on \(queue)")
        defer { if let step { trace?.end(step) } }
        try enter(queue, purpose) { leave in
            guard !answer.isGiven else {
                once.drop()
                return leave()
            }
            if let step {
                let thread = cls_thread_id()
                trace?.change(step, to: "the kernel's answer about \(queue)") { KernelWait.of(thread: thread) }
            }
            let result = once.finish()
            leave()
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

    /// Runs `work`, which closes what an operation has opened, in `queue` and waits for it. No limit of waiting work
    /// refuses it. Where the system gives no thread, and none is at work in the queue, it runs on the caller's.
    ///
    /// A caller that is cancelled leaves, and the work is done all the same when its turn comes.
    func finish(in queue: Queue, _ work: @escaping @Sendable () -> Void) async {
        let answer = PendingAnswer<Void>()
        do throws(StorageError) {
            try enter(queue, .call, isLimited: false) { leave in
                work()
                leave()
                answer.give(.success(()))
            }
        } catch {
            return work()
        }
        _ = await withTaskCancellationHandler {
            await answer.wait()
        } onCancel: {
            answer.give(.failure(StorageError(.cancelled, "the caller gave up")))
        }
    }

    // MARK: - Whose turn it is

    private func enter(
        _ queue: Queue, _ purpose: Purpose, isLimited: Bool = true, _ run: @escaping @Sendable (() -> Void) -> Void
    ) throws(StorageError) {
        enum Entry { case refused, behindOthers, ready(UInt64) }
        let entry = state.withLock { state -> Entry in
            state.jobs += 1
            let job = Job(id: state.jobs, purpose: purpose, run: run)
            if let work = state.queues[queue] {
                let jobs = work.waiting.count + (work.room == nil ? 0 : 1)
                guard jobs < backlog || !isLimited else { return .refused }
                state.queues[queue]?.waiting.append(job)
                return work.room == nil ? .ready(job.id) : .behindOthers
            }
            let canBegin = state.threads < limit + state.idle && hasRoom(Self.room(of: queue, [job]), state)
            guard canBegin || state.ready.count < waiting || !isLimited else { return .refused }
            state.queues[queue] = Work(waiting: [job])
            state.ready.append(queue)
            return .ready(job.id)
        }
        switch entry {
        case .refused: throw StorageError(.exhausted, "too many operations are under way and do not end")
        case .behindOthers: break
        case .ready(let job):
            if recruit() || !withdraw(job, from: queue) { return }
            throw StorageError(.exhausted, "the system gives this process no more threads")
        }
    }

    private static func room(of queue: Queue, _ jobs: [Job]) -> Room {
        if queue.leavesRoomForDisks { return .remote }
        return jobs.contains { $0.purpose == .call } ? .own : .search
    }

    private func hasRoom(_ room: Room, _ state: borrowing State) -> Bool {
        let taken = state.running[room] ?? 0
        return switch room {
        case .own: true
        case .remote: taken < max(1, limit / 2)
        case .search: taken < max(1, limit * 3 / 8)
        }
    }

    /// Takes the first queue off that may go on now, and its first job.
    private func next(_ state: inout State) -> (Queue, Job)? {
        for (index, queue) in state.ready.enumerated() {
            guard var work = state.queues[queue], let job = work.waiting.first else { continue }
            let room = Self.room(of: queue, work.waiting)
            guard hasRoom(room, state) else { continue }
            state.ready.remove(at: index)
            work.waiting.removeFirst()
            (work.began, work.room) = (.now, room)
            state.queues[queue] = work
            state.running[room, default: 0] += 1
            return (queue, job)
        }
        return nil
    }

    private func leave(_ queue: Queue) {
        state.withLock { state in
            guard var work = state.queues[queue] else { return }
            if let room = work.room { state.running[room, default: 1] -= 1 }
            (work.began, work.room) = (nil, nil)
            state.queues[queue] = work.waiting.isEmpty ? nil : work
            if !work.waiting.isEmpty { state.ready.append(queue) }
        }
    }

    // MARK: - Threads

    /// How long a thread without work stays.
    private static let rest: DispatchTimeInterval = .seconds(2)
    /// Twice the deepest stack that was seen in a debug build.
    private static let stackSize = 2 << 20

    /// Ensures a thread for one more queue; false where there can be none, and the work would wait for threads that may
    /// all hang.
    private func recruit() -> Bool {
        enum Step { case wake, make, wait }
        let step = state.withLock { state -> Step in
            if state.idle > 0 {
                state.idle -= 1
                return .wake
            }
            guard state.threads < limit else { return .wait }
            state.threads += 1
            return .make
        }
        switch step {
        case .wake: wake.signal()
        case .make where !makeThread():
            let now = ContinuousClock.now
            return state.withLock { state in
                state.threads -= 1
                return state.idle > 0
                    || state.queues.values.contains { $0.began.map { $0.duration(to: now) < Self.timeout } ?? false }
            }
        case .make, .wait: break
        }
        return true
    }

    /// Takes a job back; false where it has begun.
    private func withdraw(_ job: UInt64, from queue: Queue) -> Bool {
        state.withLock { state in
            guard var work = state.queues[queue], let index = work.waiting.firstIndex(where: { $0.id == job }) else {
                return false
            }
            work.waiting.remove(at: index)
            state.queues[queue] = work
            if work.waiting.isEmpty, work.room == nil {
                state.queues[queue] = nil
                state.ready.removeAll { $0 == queue }
            }
            return true
        }
    }

    private func makeThread() -> Bool {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return false }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, Self.stackSize)
        var thread = pthread_t()
        let queues = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, &attributes,
            { queues in
                guard let queues else { return nil }
                Unmanaged<BlockingQueues>.fromOpaque(queues).takeRetainedValue().workUntilIdle()
                return nil
            }, queues.toOpaque())
        if result != 0 { queues.release() }
        return result == 0
    }

    private func workUntilIdle() {
        while true {
            let taken = state.withLock { state -> (Queue, Job)? in
                let taken = next(&state)
                if taken == nil { state.idle += 1 }
                return taken
            }
            if let (queue, job) = taken {
                job.run { leave(queue) }
                continue
            }
            if wake.wait(timeout: .now() + Self.rest) == .success { continue }
            let mayEnd = state.withLock { state in
                // Where it is no longer among the idle threads, another thread is about to wake it.
                guard state.idle > 0 else { return false }
                state.idle -= 1
                state.threads -= 1
                return true
            }
            if mayEnd { return }
            wake.wait()
        }
    }
}

/// Work to be done once, which goes with all that it holds when it is done.
private final class Once<Value: Sendable>: Sendable {
    private let work: Mutex<(@Sendable () throws(StorageError) -> Value)?>

    init(_ work: @escaping @Sendable () throws(StorageError) -> Value) { self.work = Mutex(work) }

    func finish() -> Result<Value, StorageError> {
        guard let work = work.withLock({ $0.take() }) else { preconditionFailure("work is done once") }
        do throws(StorageError) { return .success(try work()) } catch { return .failure(error) }
    }

    func drop() { _ = work.withLock { $0.take() } }
}
