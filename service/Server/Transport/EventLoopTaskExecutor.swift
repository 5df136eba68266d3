// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Runs tasks on an event loop's thread, so that gRPC's own tasks never change threads. Its tasks must not block: the
/// host's blocking work has queues of its own.
final class EventLoopTaskExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
