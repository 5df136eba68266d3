// SPDX-License-Identifier: Apache-2.0

import Expectations
import Logging
import Testing

@testable import HostStorage

/// The lines of the log about calls that take long.
@Suite(.timeLimit(.minutes(20))) struct SlowCallTests {
    @Test func eachSlowCallIsLoggedAgainAndAgainUntilItEnds() async throws {
        let lines = Record<String>()
        let watch = SlowCallWatch(
            logger: Logger(label: "test") { _ in MessageRecorder(lines: lines) }, first: .milliseconds(5))
        let (held, release) = AsyncStream.makeStream(of: Void.self)
        let (other, releaseOther) = AsyncStream.makeStream(of: Void.self)
        let first = Task { await hold(held, "mount volume", "a", watch) }
        try await eventually("the call is logged twice") {
            lines.all.count { $0.hasPrefix("takes long: mount volume a, caller the test, 0.0") } >= 2
        }
        // One that comes while others are watched.
        let second = Task { await hold(other, "rescan disks", "", watch) }
        try await eventually("the other call is logged") {
            lines.all.contains { $0.hasPrefix("takes long: rescan disks,") }
        }
        #expect(watch.isAtWork)
        release.finish()
        await first.value
        #expect(watch.isAtWork)
        releaseOther.finish()
        await second.value
        try await eventually("the watch ends") { !watch.isAtWork }
        // And begins anew.
        let (third, releaseThird) = AsyncStream.makeStream(of: Void.self)
        let again = Task { await hold(third, "format volume", "b", watch) }
        try await eventually("a later call is logged") {
            lines.all.contains { $0.hasPrefix("takes long: format volume b,") }
        }
        releaseThird.finish()
        await again.value
    }

    private func hold(_ end: AsyncStream<Void>, _ name: String, _ subject: String, _ watch: SlowCallWatch) async {
        try? await watch.watch(name, subject, CallTrace(caller: "the test")) { () async throws(StorageError) in
            for await _ in end {}
        }
    }
}

private struct MessageRecorder: LogHandler {
    let lines: Record<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = event.metadata ?? [:]
        lines.add(
            "\(event.message), caller \(metadata["caller"] ?? ""), \(metadata["duration"] ?? ""), \(metadata["waits-for"] ?? "")"
        )
    }
}
