// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import Testing

@testable import HostStorageLinux

/// Lines for a descriptor that may not take them.
@Suite(.timeLimit(.minutes(5))) struct QueuedOutputTests {
    private static func pipe() -> (reading: FileHandle, writing: FileHandle) {
        let pipe = Pipe()
        return (pipe.fileHandleForReading, pipe.fileHandleForWriting)
    }

    /// The output of the pipe, once there is so much.
    private static func read(_ count: Int, from file: FileHandle) async throws -> Data {
        #expect(fcntl(file.fileDescriptor, F_SETFL, O_NONBLOCK) == 0)
        var (data, buffer) = (Data(), [UInt8](repeating: 0, count: 4096))
        try await eventually("\(count) bytes are there") {
            let got = Glibc.read(file.fileDescriptor, &buffer, buffer.count)
            if got > 0 { data += buffer[..<got] }
            return data.count >= count
        }
        return data
    }

    /// A thread of its own has the descriptor for good.
    private static func output(to file: FileHandle, room: Int = 1 << 20) throws -> QueuedOutput {
        try QueuedOutput(to: dup(file.fileDescriptor), room: room) { source, count in "\(count) of \(source.rawValue)\n"
        }
    }

    @Test func whatCouldEndALineOrSteerATerminalIsShown() async throws {
        let (reading, writing) = Self.pipe()
        let output = try Self.output(to: writing)
        output.write("a\u{1B}[0m\u{7F}\nb\n", .log)
        let text = #"a\x1b[0m\x7f\x0ab"# + "\n"
        #expect(try await Self.read(text.utf8.count, from: reading) == Data(text.utf8))
    }

    @Test func linesWithoutRoomAreCountedAndReportedAndTakeNoneFromOthers() async throws {
        let (reading, writing) = Self.pipe()
        // There is no reader, so no more lines are taken.
        let flags = fcntl(writing.fileDescriptor, F_GETFL)
        #expect(fcntl(writing.fileDescriptor, F_SETFL, flags | O_NONBLOCK) == 0)
        var filled = 0
        for size in [4096, 1] {
            let bytes = [UInt8](repeating: UInt8(ascii: "."), count: size)
            while case let count = Glibc.write(writing.fileDescriptor, bytes, size), count > 0 { filled += count }
        }
        let output = try Self.output(to: writing, room: 64)
        let line = String(repeating: "x", count: 39) + "\n"
        for _ in 0..<3 { output.write(line, .log) }
        output.write(line, .audit)
        #expect(output.dropped(.log) == 2)
        #expect(output.dropped(.audit) == 0)
        let report = "2 of log\n"
        let text = try await Self.read(filled + 2 * line.utf8.count + report.utf8.count, from: reading)
        // The report may come between the two.
        let lines = String(decoding: text.dropFirst(filled), as: UTF8.self).split(separator: "\n")
        #expect(lines.sorted() == ["2 of log", line.dropLast(), line.dropLast()])
    }

    @Test func whatCannotBeWrittenIsCounted() async throws {
        let file = try #require(FileHandle(forReadingAtPath: "/dev/null"))
        let output = try Self.output(to: file)
        output.write("lost\n", .audit)
        try await eventually("the line is counted") { output.dropped(.audit) == 1 }
        #expect(output.dropped(.log) == 0)
    }
}
