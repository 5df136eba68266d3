// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The actions of concurrent tasks, in their order.
final class Record<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    var all: [Element] { elements.withLock { $0 } }
    var count: Int { elements.withLock { $0.count } }

    func add(_ element: Element) { elements.withLock { $0.append(element) } }
}

extension Record<Void> {
    func add() { add(()) }
}
