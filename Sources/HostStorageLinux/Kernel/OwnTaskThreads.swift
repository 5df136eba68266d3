// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
package import HostStorage

/// The threads that Swift's tasks run on, made once and kept.
///
/// libdispatch's, which they run on else, end when they have nothing to do; and where the system then gives none, it waits
/// for one on the thread that has something to be done, be it the one that all sockets are served by.
package enum OwnTaskThreads {
    /// For programs, before the first task.
    package static func start() throws(StorageError) {
        let count = max(2, min(16, Int32(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
        try check(cls_own_task_threads(count), "pthread_create")
    }
}
