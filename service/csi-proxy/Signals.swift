// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorageLinux
import Logging
import Synchronization

/// Signals: SIGTERM and SIGINT end the program, SIGHUP reads the policy again, and all others are logged.
enum Signals {
    /// The service that runs, and has to end gracefully.
    struct Served: Sendable {
        var logger: Logger
        /// How long the end may take. After it the program ends all the same.
        var timeout: Duration
        var end: @Sendable () -> Void
        var readPolicy: (@Sendable () -> Void)?
        /// The operations under way, for the log.
        var underWay: @Sendable () -> [String]
    }

    private static let served = Mutex<Served?>(nil)

    static func serve(_ what: Served) { served.withLock { $0 = what } }

    /// Logs the operations that an end leaves behind.
    static func logWhatIsLeft() {
        guard let served = served.withLock({ $0 }) else { return }
        let left = served.underWay()
        guard !left.isEmpty else { return }
        served.logger.warning(
            "operations are still under way; the process is there until the kernel lets go of them",
            metadata: ["operations": "\(left.joined(separator: ", "))"])
    }

    /// For the first thread.
    static func attend() -> Never {
        var deadline: ContinuousClock.Instant?
        while true {
            let left = deadline.map { ContinuousClock.now.duration(to: $0) }
            if let left, left <= .zero { endLate() }
            guard let signal = ProcessSignals.next(within: left) else { continue }
            let served = served.withLock { $0 }
            switch signal {
            case SIGTERM, SIGINT:
                guard let served else {
                    // Nothing is served, so nothing has to be ended.
                    ProgramLog.flush()
                    _exit(128 + signal)
                }
                guard deadline == nil else { continue }
                served.logger.notice("ends at \(name(signal))")
                deadline = .now + served.timeout
                served.end()
            case SIGHUP where served?.readPolicy != nil: served?.readPolicy?()
            default:
                served?.logger.notice(
                    "\(name(signal)) means nothing here; SIGHUP reads the policy again, and SIGTERM ends the program")
            }
        }
    }

    private static func endLate() -> Never {
        if let served = served.withLock({ $0 }) {
            served.logger.critical("has not ended within \(served.timeout) and ends now; calls under way are cut off")
            logWhatIsLeft()
        }
        ProgramLog.flush()
        _exit(1)
    }

    private static func name(_ signal: Int32) -> String {
        switch signal {
        case SIGTERM: "SIGTERM"
        case SIGINT: "SIGINT"
        case SIGHUP: "SIGHUP"
        case SIGUSR1: "SIGUSR1"
        case SIGUSR2: "SIGUSR2"
        default: "signal \(signal)"
        }
    }
}
