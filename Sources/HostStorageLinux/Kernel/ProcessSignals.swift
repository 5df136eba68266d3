// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
package import HostStorage

/// The signals of this process, taken one after the other by one thread, without any other thread's help.
///
/// libdispatch and NIO take threads of a pool, and where the system gives none a process could not be ended.
package enum ProcessSignals {
    /// To be called before there is a second thread.
    package static func catchAll() throws(StorageError) { try check(cls_signals_catch(), "sigaction") }

    /// The next signal, or nil after that time.
    package static func next(within time: Duration?) -> Int32? {
        let milliseconds = time.map { Int32(max(0, min($0 / .milliseconds(1), 1e9)).rounded(.up)) } ?? -1
        let number = cls_signal_next(milliseconds)
        return number > 0 ? number : nil
    }
}
