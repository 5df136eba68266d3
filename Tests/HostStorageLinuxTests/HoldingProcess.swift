// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks

/// A process that uses something until its input or its owner ends.
final class HoldingProcess: Sendable {
    private let process = Process()
    private let input = Pipe()

    /// - Parameters:
    ///   - script: for sh(1); prints a line once it holds its file or device, then reads its input to the end.
    ///   - argument: "$0" in it.
    init(_ script: String, _ argument: String) throws {
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script, argument]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        // A program that echoes its input signals this as well.
        try input.fileHandleForWriting.write(contentsOf: Data("\n".utf8))
        var byte: UInt8 = 0
        var question = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&question, 1, Self.timeout) == 1 else { throw CommandFailed("no word within 3 minutes: \(script)") }
        guard read(output.fileHandleForReading.fileDescriptor, &byte, 1) == 1 else { throw CommandFailed(script) }
    }

    var id: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

    func end() {
        try? input.fileHandleForWriting.close()
        hasEnded()
    }

    /// Waits for its end, and ends it where it does not come.
    func hasEnded() {
        for _ in 0..<Self.timeout / 5 where process.isRunning { usleep(5_000) }
        if process.isRunning { kill(id, SIGKILL) }
    }

    /// Bounds the wait for a process that hangs, in milliseconds.
    private static let timeout: Int32 = 180_000

    deinit {
        // SIGTERM may be blocked in it: a program inherits the mask of the thread that starts it.
        if process.isRunning { kill(id, SIGKILL) }
    }
}
