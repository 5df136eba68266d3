// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging
import Synchronization
import Testing

/// What a host answers without a wait.
@Suite struct AtOnceHostTests {
    /// Has an answer at once for everything, and counts what is performed.
    private final class Runner: OperationRunner {
        private let count = Mutex(0)

        var performed: Int { count.withLock { $0 } }

        func perform<Operation: ResolvedOperation>(
            _ operation: Operation
        ) async throws(StorageError) -> Operation.Answer {
            count.withLock { $0 += 1 }
            return try simulated(operation)
        }

        func answer<Operation: ResolvedOperation>(
            atOnce operation: Operation
        ) throws(StorageError) -> Operation.Answer? { try simulated(operation) }

        private func simulated<Operation: ResolvedOperation>(
            _ operation: Operation
        ) throws(StorageError) -> Operation.Answer {
            let answers: [any Sendable] = [(), true]
            guard let answer = answers.lazy.compactMap({ $0 as? Operation.Answer }).first else {
                throw StorageError(.unsupported, "not simulated")
            }
            return answer
        }
    }

    private func host() throws -> LocalHost<Runner> {
        let settings = HostSettings(paths: try PathPolicy(roots: ["/k"]))
        return LocalHost(
            backend: Runner(), settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func aQuestionIsAnsweredWithoutBeingPerformed() async throws {
        let host = try host()
        #expect(try host.answer(atOnce: PathExists(path: CallerPath("/k/x"))) == true)
        #expect(try await host.pathExists("/k/x"))
        #expect(host.backend.performed == 0)
    }

    /// It holds its keys, runs to its end and is logged.
    @Test func aChangeIsPerformedAlways() async throws {
        let host = try host()
        #expect(try host.answer(atOnce: MakeDirectory(path: CallerPath("/k/x"))) == nil)
        #expect(host.backend.performed == 0)
        try await host.makeDirectory("/k/x")
        #expect(host.backend.performed == 1)
    }

    @Test func aPathOutsideIsRefused() throws {
        let host = try host()
        let confined = try host.confined(to: CallConfinement("mine", roots: PathPolicy(roots: ["/k/mine"]), disks: nil))
        for (host, path) in [(host as any StorageHost, "/etc"), (host, "/k/.smb/x"), (confined, "/k/theirs")] {
            let error = #expect(throws: StorageError.self) {
                try host.answer(atOnce: PathExists(path: CallerPath(path)))
            }
            #expect(error?.code == .denied)
            #expect(error?.operation == "look up path")
        }
    }
}
