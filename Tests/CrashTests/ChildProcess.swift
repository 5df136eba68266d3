// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks

/// A process of this one's, without input and output.
///
/// Not Foundation's Process: that notices an end only when all processes have ended that the process has started.
final class ChildProcess {
    let id: pid_t
    private var isCollected = false

    init(_ arguments: [String]) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for file in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, file, "/dev/null", O_RDWR, 0)
        }
        let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var process = pid_t()
        let result = posix_spawnp(&process, arguments[0], &actions, nil, words, environ)
        guard result == 0 else { throw CommandFailed("\(arguments[0]): errno \(result)") }
        id = process
    }

    deinit { kill() }

    var hasEnded: Bool {
        collect(WNOHANG)
        return isCollected
    }

    /// Ends it at once, at any point of its work, unless it has ended.
    func kill() {
        if !isCollected { Glibc.kill(id, SIGKILL) }
        collect(0)
    }

    private func collect(_ options: Int32) {
        if !isCollected, waitpid(id, nil, options) == id { isCollected = true }
    }
}
