// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How many connections one socket serves at a time.
final class ConnectionLimit: Sendable {
    private let maximum: Int
    private let open = Atomic(0)

    init(_ maximum: Int) { self.maximum = maximum }

    /// Counts one in; false where there is no room for it.
    func enter() -> Bool {
        if open.add(1, ordering: .relaxed).newValue <= maximum { return true }
        leave()
        return false
    }

    func leave() { open.subtract(1, ordering: .relaxed) }
}
