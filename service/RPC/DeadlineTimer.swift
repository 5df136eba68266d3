// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Rings at the first of the deadlines that it was armed with: one timer for many calls, whose deadlines mostly come in
/// the order of the calls. Confined to an event loop.
struct DeadlineTimer {
    private var next: (at: NIODeadline, task: Scheduled<Void>)?

    /// - Parameter ring: looks at all deadlines, and arms it again with the next one.
    mutating func arm(_ deadline: NIODeadline, on loop: any EventLoop, _ ring: @escaping () -> Void) {
        if let next, next.at <= deadline { return }
        stop()
        next = (deadline, loop.assumeIsolated().scheduleTask(deadline: deadline, ring))
    }

    /// To be called when it has rung, too.
    mutating func stop() {
        next?.task.cancel()
        next = nil
    }
}
