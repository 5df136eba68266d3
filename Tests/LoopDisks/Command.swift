// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Programs that tests use to look at the host from outside.
///
/// Started without Foundation's Process, which looks for a program's end every 50 ms: most of them end within two.
public enum Command {
    /// Runs a program and returns its output, without the line's end.
    @discardableResult
    public static func run(_ arguments: String...) throws -> String { try run(arguments) }

    @discardableResult
    public static func run(_ arguments: [String]) throws -> String {
        let name = arguments.joined(separator: " ")
        // Files: a pipe that is full would have the program wait.
        guard let output = tmpfile() else { throw CommandFailed("tmpfile: errno \(errno)") }
        defer { fclose(output) }
        guard let errors = tmpfile() else { throw CommandFailed("tmpfile: errno \(errno)") }
        defer { fclose(errors) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, fileno(output), STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, fileno(errors), STDERR_FILENO)
        let words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }

        var process = pid_t()
        let result = posix_spawnp(&process, arguments[0], &actions, nil, words, environ)
        guard result == 0 else { throw CommandFailed("\(name): errno \(result)") }
        guard hasEnded(process, within: timeout) else {
            kill(process, SIGKILL)
            throw CommandFailed("\(name): it has not ended within \(timeout)")
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { throw CommandFailed("waitpid: errno \(errno)") }
        }
        guard status == 0 else { throw CommandFailed("\(name): wait status \(status): \(try text(errors))") }
        return try text(output).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Far longer than any of them takes.
    private static let timeout = Duration.seconds(600)

    /// By its pidfd, which no program's end escapes and which takes no looking again and again.
    private static func hasEnded(_ process: pid_t, within timeout: Duration) -> Bool {
        typealias Call = @convention(c) (pid_t, UInt32) -> Int32
        guard let symbol = dlsym(nil, "pidfd_open") else { return true }
        let descriptor = unsafeBitCast(symbol, to: Call.self)(process, 0)
        guard descriptor >= 0 else { return true }
        defer { close(descriptor) }
        let end = ContinuousClock.now + timeout
        var question = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while .now < end {
            if poll(&question, 1, Int32(max(0, ContinuousClock.now.duration(to: end).components.seconds) * 1000 + 1))
                > 0
            {
                return true
            }
        }
        return false
    }

    private static func text(_ file: UnsafeMutablePointer<FILE>) throws -> String {
        let handle = FileHandle(fileDescriptor: fileno(file), closeOnDealloc: false)
        try handle.seek(toOffset: 0)
        return String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self)
    }
}

public struct CommandFailed: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
