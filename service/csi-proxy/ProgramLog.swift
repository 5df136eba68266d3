// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageLinux
import Logging
import Synchronization

/// The program's log and audit log, on standard error. Logging never waits for the reader.
enum ProgramLog {
    private static let queue = Mutex<QueuedOutput?>(nil)

    /// To be called once, before anything is logged.
    static func begin() throws(StorageError) {
        let output = try QueuedOutput(to: 2) { source, count in
            let text = LineBuffer()
            let handler = StreamLogHandler(label: label(source), stream: text)
            handler.log(
                event: LogEvent(
                    level: .warning,
                    message: "\(count) lines of the \(source.rawValue) were dropped: they could not be written",
                    metadata: nil, source: "csi-proxy", file: #fileID, function: #function, line: #line))
            return text.text
        }
        queue.withLock { $0 = output }
    }

    static func logger(_ source: QueuedOutput.Source, level: Logger.Level = .info) -> Logger {
        var logger = Logger(label: label(source)) { label in
            StreamLogHandler(label: label, stream: LineStream(source: source))
        }
        logger.logLevel = level
        return logger
    }

    static func dropped(_ source: QueuedOutput.Source) -> Int { queue.withLock { $0 }?.dropped(source) ?? 0 }

    /// For the end of the process.
    static func flush() { queue.withLock { $0 }?.flush(within: .seconds(1)) }

    private static func label(_ source: QueuedOutput.Source) -> String {
        switch source {
        case .log: "csi-proxy"
        case .audit: "csi-proxy.audit"
        }
    }

    private struct LineStream: TextOutputStream, Sendable {
        let source: QueuedOutput.Source
        func write(_ line: String) { queue.withLock { $0 }?.write(line, source) }
    }

    private final class LineBuffer: TextOutputStream, Sendable {
        private let kept = Mutex("")
        var text: String { kept.withLock { $0 } }
        func write(_ line: String) { kept.withLock { $0 += line } }
    }
}
