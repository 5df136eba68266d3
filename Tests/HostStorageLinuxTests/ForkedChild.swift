// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks

/// A child that has copies of all descriptors and has not called exec yet.
final class ForkedChild: Sendable {
    private let id: pid_t

    init(milliseconds: UInt32) throws {
        typealias Fork = @convention(c) () -> pid_t
        // Swift has no fork; this child does nothing that a forked one may not.
        guard let symbol = dlsym(nil, "fork") else { throw CommandFailed("there is no fork") }
        let fork = unsafeBitCast(symbol, to: Fork.self)
        let id = fork()
        if id == 0 {
            usleep(milliseconds * 1000)
            _exit(0)
        }
        guard id > 0 else { throw CommandFailed("fork: errno \(errno)") }
        self.id = id
    }

    deinit {
        kill(id, SIGKILL)
        waitpid(id, nil, 0)
    }
}
