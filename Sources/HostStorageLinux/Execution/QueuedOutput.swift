// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
package import HostStorage
import Synchronization

/// Lines for a descriptor that may not take them: a pipe without a reader, a full disk.
///
/// A caller that writes a line never waits. A thread of its own writes the lines out in their order. It counts lines
/// that find no room, or that cannot be written, and reports the number as soon as it can write again.
package final class QueuedOutput: Sendable {
    /// The source of a line. Each has room of its own: many lines of one source displace none of the other.
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
        var reported: [Source: Int] = [:]
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

    /// Takes one line with its line break. Other characters that end a line, or steer a terminal, are escaped.
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

    // MARK: - On the thread

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
            let unreported = state.withLock { $0.dropped[source, default: 0] - $0.reported[source, default: 0] }
            if unreported > 0, put(Self.printable(report(source, unreported))) {
                state.withLock { $0.reported[source, default: 0] += unreported }
            }
        }
        state.withLock { $0.isWriting = false }
    }

    /// Waits for as long as there is no reader; false where it cannot be written.
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
