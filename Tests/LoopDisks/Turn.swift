// SPDX-License-Identifier: Apache-2.0

import Foundation
public import Testing

/// Lets one suite at a time work on the machine's disks, among all processes that run tests: a rescan by
/// one would let another see a disk grow before it has asked.
public struct Turn: SuiteTrait, TestScoping {
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "host-storage-real-disks.lock").path
        let lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw CommandFailed("open \(path): errno \(errno)") }
        // Ends the lock, and so does the end of this process.
        defer { close(lock) }
        // Longer than all suites of another process take.
        let end = ContinuousClock.now + .seconds(2 * 3600)
        while flock(lock, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK else { throw CommandFailed("flock \(path): errno \(errno)") }
            guard .now < end else { throw CommandFailed("another process has held \(path) for two hours") }
            try await Task.sleep(for: .milliseconds(50))
        }
        try await function()
    }
}

extension Trait where Self == Turn {
    /// Waits until no other suite with this trait is at work.
    public static var inTurn: Self { Turn() }
}
