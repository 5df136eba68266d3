// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostStorageLinux
import Logging
import ServiceLifecycle

/// Common parts of all commands that serve.
enum Serving {
    /// Gives `work` a log on standard error. Where it fails, the program ends with status 1 and the reason in the
    /// log.
    static func logged(_ level: Logger.Level, _ work: (Logger) async throws -> Void) async throws {
        let logger = ProgramLog.logger(.log, level: level)
        do {
            try await work(logger)
        } catch {
            logger.critical("\(error)")
            throw ExitCode.failure
        }
        Signals.logWhatIsLeft()
        logger.info("stopped")
    }

    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameters:
    ///   - timeout: how long the end may take.
    ///   - readPolicy: what SIGHUP calls.
    ///   - underWay: the operations under way, for the log.
    static func untilSignalled(
        _ services: [any Service], _ logger: Logger, timeout: Duration, readPolicy: (@Sendable () -> Void)? = nil,
        underWay: @escaping @Sendable () -> [String]
    ) async throws {
        let (ends, ending) = AsyncStream.makeStream(of: Void.self)
        Signals.serve(
            Signals.Served(
                logger: logger, timeout: timeout, end: { ending.yield() }, readPolicy: readPolicy, underWay: underWay)
        )
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }
                    + [.init(service: EndAtSignal(ends: ends), successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: logger))
        try await group.run()
    }
}

/// A service that ends, and all others with it, when the program is to end.
private struct EndAtSignal: Service {
    let ends: AsyncStream<Void>

    func run() async { for await _ in ends.cancelOnGracefulShutdown() { return } }
}
