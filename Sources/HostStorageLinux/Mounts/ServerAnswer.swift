// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Dispatch
import Glibc
import HostStorage
import Synchronization

/// The answer of the server or program of a mounted filesystem, which may never come.
enum ServerAnswer: Sendable {
    case works
    case fails(errno: Int32)
    case isSilent

    /// Asks for the state of the filesystem that is mounted on a name. The question has a thread of its own, which stays
    /// for as long as the kernel waits for the answer.
    static func ask(
        _ name: String, in directory: borrowing Descriptor, within seconds: Int
    ) throws(StorageError) -> ServerAnswer {
        let own = try checkErrno(fcntl(directory.raw, F_DUPFD_CLOEXEC, 0), "fcntl", name)
        let answer = Box()
        do throws(StorageError) {
            try OwnThread.start("target") {
                var status = statvfs()
                let top = openat(own, name, cls_O_PATH | O_NOFOLLOW | O_CLOEXEC)
                let failed = top < 0 || fstatvfs(top, &status) < 0
                answer.give(failed ? .fails(errno: errno) : .works)
                if top >= 0 { close(top) }
                close(own)
            }
        } catch {
            close(own)
            throw error
        }
        return answer.wait(seconds) ?? .isSilent
    }

    /// The place where one thread leaves the answer for another.
    private final class Box: Sendable {
        private let answer = Mutex<ServerAnswer?>(nil)
        private let given = DispatchSemaphore(value: 0)

        func give(_ answer: ServerAnswer) {
            self.answer.withLock { $0 = answer }
            given.signal()
        }

        func wait(_ seconds: Int) -> ServerAnswer? {
            _ = given.wait(timeout: .now() + .seconds(seconds))
            return answer.withLock { $0 }
        }
    }
}
