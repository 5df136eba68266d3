// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
package import HostStorage

/// A thread for one piece of work that is not to wait for a place in any pool.
package enum OwnThread {
    /// Fails where the system gives no thread, at once.
    package static func start(
        _ name: String, stack: Int = 512 << 10, _ work: @escaping @Sendable () -> Void
    ) throws(StorageError) {
        let context = Unmanaged.passRetained(Work(work)).toOpaque()
        let result = cls_thread_start(
            name, UInt64(stack),
            { context in
                if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, context)
        guard result < 0 else { return }
        Unmanaged<Work>.fromOpaque(context).release()
        throw StorageError(
            .exhausted, "the system gives this process no further thread", subject: name,
            cause: .systemCall("pthread_create", errno: -result, text: String(cString: strerror(-result))))
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
