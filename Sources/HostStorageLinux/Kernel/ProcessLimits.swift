// SPDX-License-Identifier: Apache-2.0

import Glibc
package import HostStorage
import Synchronization

/// The system's limits for this process, checked before an operation needs them.
package enum ProcessLimits {
    /// Raises the number of files that may be open as far as the system allows, and returns it.
    package static func raiseOpenFiles() throws(StorageError) -> Int {
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        try checkErrno(getrlimit(kind, &limit), "getrlimit", "RLIMIT_NOFILE")
        // Programs that it starts may count up to their limit.
        let wanted = min(limit.rlim_max, 65_536)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = wanted
            try checkErrno(setrlimit(kind, &limit), "setrlimit", "RLIMIT_NOFILE")
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Throws where the address space is limited to less: a process that gets no memory cannot even say so.
    package static func requireAddressSpace(_ bytes: UInt64) throws(StorageError) {
        for (kind, name) in [(RLIMIT_AS, "RLIMIT_AS"), (RLIMIT_DATA, "RLIMIT_DATA")] {
            var limit = rlimit()
            try checkErrno(getrlimit(__rlimit_resource_t(kind.rawValue), &limit), "getrlimit", name)
            guard UInt64(limit.rlim_cur) >= bytes else {
                throw StorageError(
                    .exhausted,
                    "memory is limited to \(limit.rlim_cur >> 20) MiB of address space, and \(bytes >> 20) MiB are needed; raise the limit (ulimit -v, LimitAS=), and limit what is used by a cgroup",
                    subject: name)
            }
        }
    }

    /// Throws where the system gives fewer threads. They end at once.
    package static func requireThreads(_ count: Int) throws(StorageError) {
        let gate = Gate()
        defer { gate.open() }
        for number in 0..<count {
            do throws(StorageError) {
                try OwnThread.start("trial", stack: 64 << 10) { gate.wait() }
            } catch {
                throw StorageError(
                    .exhausted,
                    "the system gives this process \(number) more threads, and \(count) are needed; raise the limit (ulimit -u, TasksMax=, pids.max)",
                    cause: error.cause)
            }
        }
    }

    private final class Gate: Sendable {
        private let isOpen = Atomic(false)
        func open() { isOpen.store(true, ordering: .releasing) }
        func wait() { while !isOpen.load(ordering: .acquiring) { usleep(1000) } }
    }
}
