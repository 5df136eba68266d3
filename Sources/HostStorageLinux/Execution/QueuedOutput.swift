// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
package import HostStorage
import Synchronization

/// Lines for a descriptor that may not take them: a pipe that nobody reads, a disk that is full.
///
/// Who writes a line never waits. A thread of its own writes them out in their order; of those that find no room, or that
/// cannot be written, it tells how many they were as soon as something can be written again.
package final class QueuedOutput: Sendable {
    /// Whose lines they are. Each has room of its own: much of one pushes none of the other out.
    package enum Source: String, Sendable, CaseIterable {
        case log
        case audit = "audit log"
    }

    private struct Line {
        var source: Source
        var bytes: [UInt8]
    }

    private struct State {
        var lines: [Line] = []
        var bytes: [Source: Int] = [:]
        var dropped: [Source: Int] = [:]
        var told: [Source: Int] = [:]
        var isWriting = false
    }

    private let descriptor: Int32
    private let room: Int
    private let report: @Sendable (Source, Int) -> String
    private let state = Mutex(State())
    private let waiting = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - room: how many bytes of each source wait at most.
    ///   - report: the line that says how many lines of a source were dropped.
    package init(
        to descriptor: Int32, room: Int = 1 << 20, report: @escaping @Sendable (Source, Int) -> String
    ) throws(StorageError) {
        self.descriptor = descriptor
        self.room = room
        self.report = report
        try OwnThread.start("log") { [self] in
            while true {
                waiting.wait()
                writeAll()
            }
        }
    }

    /// How many lines of a source were lost so far.
    package func dropped(_ source: Source) -> Int { state.withLock { $0.dropped[source, default: 0] } }

    /// Takes one line, which ends with a line break. What else could end a line, or steer a terminal, is shown as such.
    package func write(_ line: String, _ source: Source) {
        let bytes = Self.printable(line)
        let isTaken = state.withLock { state in
            guard state.bytes[source, default: 0] + bytes.count <= room else {
                state.dropped[source, default: 0] += 1
                return false
            }
            state.bytes[source, default: 0] += bytes.count
            state.lines.append(Line(source: source, bytes: bytes))
            return true
        }
        if isTaken { waiting.signal() }
    }

    /// Returns when all is written, or after that time. For the end of a process.
    package func flush(within time: Duration) {
        let deadline = ContinuousClock.now + time
        while state.withLock({ $0.isWriting || !$0.lines.isEmpty }), .now < deadline { usleep(2000) }
    }

    private static func printable(_ line: String) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(line.utf8.count)
        for byte in line.utf8.dropLast(line.utf8.last == UInt8(ascii: "\n") ? 1 : 0) {
            if byte >= 0x20, byte != 0x7F {
                bytes.append(byte)
            } else {
                bytes += "\\x\(byte.hexadecimal)".utf8
            }
        }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    // MARK: - The thread's own

    private func writeAll() {
        let lines = state.withLock { state in
            state.isWriting = true
            let lines = state.lines
            state.lines = []
            return lines
        }
        for line in lines {
            let isWritten = put(line.bytes)
            state.withLock { state in
                state.bytes[line.source, default: 0] -= line.bytes.count
                if !isWritten { state.dropped[line.source, default: 0] += 1 }
            }
        }
        for source in Source.allCases {
            let untold = state.withLock { $0.dropped[source, default: 0] - $0.told[source, default: 0] }
            if untold > 0, put(Self.printable(report(source, untold))) {
                state.withLock { $0.told[source, default: 0] += untold }
            }
        }
        state.withLock { $0.isWriting = false }
    }

    /// Waits for as long as it takes where nobody reads; false where it cannot be written.
    private func put(_ bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { room in
                Glibc.write(descriptor, room.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                var writable = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&writable, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
