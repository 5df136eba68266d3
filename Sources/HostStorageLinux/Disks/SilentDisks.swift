// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging
import Synchronization

/// Which disks have not answered when all were asked, so that the log has one line when one falls silent, and one when
/// it answers again.
final class SilentDisks: Sendable {
    private let silent = Mutex<Set<DiskNumber>>([])
    private let question: String
    private let logger: Logger

    /// - Parameter question: the query, "a search for volumes".
    init(asked question: String, logger: Logger) {
        self.question = question
        self.logger = logger
    }

    func note(_ disk: DiskNode, _ error: StorageError?) {
        let isNew = silent.withLock { error == nil ? $0.remove(disk.number) != nil : $0.insert(disk.number).inserted }
        guard isNew else { return }
        if let error {
            logger.warning("disk \(disk.number) (\(disk.name)) does not answer \(question) and is left out: \(error)")
        } else {
            logger.notice("disk \(disk.number) (\(disk.name)) answers \(question) again")
        }
    }
}
