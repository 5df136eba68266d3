// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// What the disks of one list have answered about their names. It holds for as long as the list does.
final class KnownIdentifiers: Sendable {
    private struct Answers {
        let list: DiskList
        let identifiers: [DiskNumber: DiskIdentifiers]
    }

    private let last = Mutex<Answers?>(nil)

    /// None where the list is another one than that of the answers.
    func of(_ list: DiskList) -> [DiskNumber: DiskIdentifiers] {
        last.withLock { last in last.flatMap { $0.list === list ? $0.identifiers : nil } } ?? [:]
    }

    func note(_ identifiers: [DiskNumber: DiskIdentifiers], of list: DiskList) {
        last.withLock { $0 = Answers(list: list, identifiers: identifiers) }
    }
}
