// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

extension Descriptor {
    /// Takes the lock of a file, a directory or a device (flock(2)); false where another has had it for all of `timeout`.
    ///
    /// Closing alone leaves the lock to a child that is between its fork and its exec (``InheritedCopies``), so it is to be
    /// released by ``unlock()``.
    func lock(timeout: Duration, _ subject: String) throws(StorageError) -> Bool {
        let end = ContinuousClock.now + timeout
        while true {
            let result = cls_try_lock(raw)
            if result != -EWOULDBLOCK {
                try check(result, "flock", subject)
                return true
            }
            guard ContinuousClock.now < end else { return false }
            usleep(50_000)
        }
    }

    func unlock() { flock(raw, LOCK_UN) }
}
