// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How many frames that bring no call on a peer may still send: pings, settings, resets, window updates, unknown ones.
/// It has so many at hand, gets two for each call, and all of them again after a while.
struct Chatter {
    static let most = 1_000.0
    static let period = TimeAmount.seconds(10)

    private var left = Chatter.most
    private var since = NIODeadline.now()

    mutating func spend(_ cost: Double) throws(ErrorCode) {
        left -= cost
        guard left < 0 else { return }
        let now = NIODeadline.now()
        guard now - since >= Self.period else { throw .enhanceYourCalm }
        since = now
        left = Self.most
    }

    mutating func earn() { left = min(left + 2, Self.most) }
}
