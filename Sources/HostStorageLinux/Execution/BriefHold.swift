// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Other programs (udev, a probe, an event handler, a backup) hold a device or a mount for a moment, and that must not
/// fail a call.
enum BriefHold {
    static let attempts = 20
    static let pause: UInt32 = 50_000

    /// Does `body` again while it fails for being ``StorageError/Code/busy``, for a second in all.
    static func outlast<Value: ~Copyable>(
        _ body: () throws(StorageError) -> Value
    ) throws(StorageError) -> Value {
        for _ in 1..<attempts {
            do throws(StorageError) {
                return try body()
            } catch  where error.code == .busy {
                usleep(pause)
            }
        }
        return try body()
    }

    /// Whether `body` fails for being ``StorageError/Code/busy``.
    static func isBusy(_ body: () throws(StorageError) -> Void) throws(StorageError) -> Bool {
        do throws(StorageError) {
            try body()
            return false
        } catch  where error.code == .busy {
            return true
        }
    }
}
