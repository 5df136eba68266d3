// SPDX-License-Identifier: Apache-2.0

import Logging

/// Logs a call that takes long, once at ten seconds and then each time that it has taken twice as long.
struct SlowCallWatch: Sendable {
    let logger: Logger
    private static let first: Duration = .seconds(10)

    /// Runs `body`, watched.
    func watch<Answer>(
        _ name: String, _ subject: String, _ trace: CallTrace, _ body: () async throws(StorageError) -> Answer
    ) async throws(StorageError) -> Answer {
        let watch = Task { [logger] in
            var (passed, next) = (Duration.zero, Self.first)
            while (try? await Task.sleep(for: next)) != nil {
                passed += next
                next = passed
                logger.warning(
                    "takes long: \(subject.isEmpty ? name : "\(name) \(subject)")",
                    metadata: trace.metadata([
                        "duration": "\(passed)", "waits-for": "\(trace.waitsFor)",
                    ]))
            }
        }
        defer { watch.cancel() }
        return try await body()
    }
}

extension CallTrace {
    /// With the caller and all notes.
    func metadata(_ more: Logger.Metadata) -> Logger.Metadata {
        var all = more
        all["caller"] = "\(caller)"
        for (key, value) in notes { all[key] = "\(value)" }
        return all
    }
}
