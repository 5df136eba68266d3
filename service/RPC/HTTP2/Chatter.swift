// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How many frames that bring no call on a peer may still send: pings, settings, resets, window updates, unknown ones.
/// It has so many at hand, gets two for each call, two updates of windows for each DATA frame, and all of them again
/// after a while.
struct Chatter {
    static let most = 1_000.0

    static let windowUpdate = 0.25

    private let period: TimeAmount
    private var left = Chatter.most
    private var since = NIODeadline.now()

    init(period: TimeAmount) { self.period = period }

    mutating func spend(_ cost: Double) throws(ErrorCode) {
        left -= cost
        guard left < 0 else { return }
        let now = NIODeadline.now()
        guard now - since >= period else { throw .enhanceYourCalm }
        since = now
        left = Self.most
    }

    /// Counts what is found out too late to end the connection with: the next frame does.
    mutating func charge() { left -= 1 }

    mutating func earn(_ count: Double = 2) { left = min(left + count, Self.most) }
}
