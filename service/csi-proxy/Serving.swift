// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Logging
import ServiceLifecycle
import UnixSignals

/// What all commands that serve have in common.
enum Serving {
    /// Gives `work` a log on standard error. Where it fails, the program ends with status 1 and the reason in the
    /// log.
    static func logged(_ level: Logger.Level, _ work: (Logger) async throws -> Void) async throws {
        var logger = Logger(label: "csi-proxy", factory: StreamLogHandler.standardError(label:))
        logger.logLevel = level
        do {
            try await work(logger)
        } catch {
            logger.critical("\(error)")
            throw ExitCode.failure
        }
    }

    /// Serves until SIGTERM or SIGINT.
    static func untilSignalled(_ services: [any Service], _ logger: Logger) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger))
        try await group.run()
    }
}
