// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Detects when no child has copies of descriptors of this process any more.
///
/// A program that any thread starts has them from its fork to its exec, where O_CLOEXEC acts; and a device that is open
/// with O_EXCL stays claimed as long as one of the copies is open. So a pipe is made before the claim and closed after
/// it: its end comes when the last copy is closed.
struct InheritedCopies: Sendable {
    private let reading: Int32
    private let writing: Int32

    /// In milliseconds. A program that forks without an exec keeps its copies; that is not to be waited for.
    private static let timeout: Int32 = 5000

    init() throws(StorageError) {
        var ends: [Int32] = [-1, -1]
        try check(cls_pipe(&ends), "pipe2")
        (reading, writing) = (ends[0], ends[1])
    }

    /// Waits until they are closed, after the descriptor was. To be called once, or ``drop()``.
    func waitForEnd() {
        close(writing)
        var waiting = pollfd(fd: reading, events: 0, revents: 0)
        while poll(&waiting, 1, Self.timeout) < 0, errno == EINTR {}
        close(reading)
    }

    func drop() {
        close(writing)
        close(reading)
    }
}
