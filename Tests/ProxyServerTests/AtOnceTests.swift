// SPDX-License-Identifier: Apache-2.0

import Foundation
import HostStorage
import HostStorageClient
import Logging
import ProxyMetrics
import StorageAccess
import Synchronization
import Testing

@testable import ProxyServer

/// Calls that the host answers at once: on the event loop, and otherwise as all calls.
@Suite(.timeLimit(.minutes(20))) struct AtOnceTests {
    private static let root = "/var/lib/kubelet"

    /// Records each question; answers at once where a test sets it.
    private final class Runner: OperationRunner {
        struct Question: Hashable {
            var path: String
            var isAtOnce: Bool
            var isInTask: Bool
            var caller: String?
        }

        private let state = Mutex<(questions: [Question], answer: Result<Bool?, StorageError>)>(([], .success(true)))

        var questions: [Question] { state.withLock { $0.questions } }
        func answer(with answer: Result<Bool?, StorageError>) { state.withLock { $0.answer = answer } }

        private func ask(_ operation: some ResolvedOperation, atOnce isAtOnce: Bool) throws(StorageError) -> Bool? {
            let question = Question(
                path: "\(operation)", isAtOnce: isAtOnce, isInTask: withUnsafeCurrentTask { $0 != nil },
                caller: CallTrace.current?.caller)
            return try state.withLock { state in
                state.questions.append(question)
                return state.answer
            }.get()
        }

        func perform<Operation: ResolvedOperation>(
            _ operation: Operation
        ) async throws(StorageError) -> Operation.Answer {
            _ = try ask(operation, atOnce: false)
            guard let answer = false as? Operation.Answer else { throw StorageError(.unsupported, "not simulated") }
            return answer
        }

        func answer<Operation: ResolvedOperation>(
            atOnce operation: Operation
        ) throws(StorageError) -> Operation.Answer? {
            try ask(operation, atOnce: true) as? Operation.Answer
        }
    }

    private static let caller = "pid \(getpid()), uid \(geteuid()), gid \(getegid())"

    private func withProxy(
        _ policy: AccessPolicy = .standard(socketGroup: getegid()), metrics: MetricsRegistry = MetricsRegistry(),
        _ work: (RunningProxy, HostStorageClient, Runner) async throws -> Void
    ) async throws {
        let runner = Runner()
        let settings = HostSettings(paths: try PathPolicy(roots: [Self.root]))
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let proxy = try await RunningProxy(
            host: LocalHost(backend: runner, settings: settings, logger: silent), policy: policy, metrics: metrics)
        try await work(proxy, try HostStorageClient(pipeDirectory: proxy.directory), runner)
        try await proxy.stop()
    }

    private static func confined(to directory: String) throws -> AccessPolicy {
        AccessPolicy(rules: [
            AccessRule(name: "ours", uids: [geteuid()], roots: try PathPolicy(roots: ["\(root)/\(directory)"]))
        ])
    }

    private static func expect(
        _ expected: Bool, _ client: HostStorageClient, _ path: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        #expect(try await client.pathExists(path) == expected, sourceLocation: sourceLocation)
    }

    @Test func itTakesNoTaskAndIsTraced() async throws {
        try await withProxy { _, client, runner in
            try await Self.expect(true, client, "\(Self.root)/x")
            #expect(
                runner.questions == [
                    .init(path: "\(Self.root)/x", isAtOnce: true, isInTask: false, caller: Self.caller)
                ])
        }
    }

    /// The answer of the task is another, and so is what has no answer at once.
    @Test func whatTakesAWaitIsPerformed() async throws {
        try await withProxy { _, client, runner in
            runner.answer(with: .success(nil))
            try await Self.expect(false, client, "\(Self.root)/x")
            #expect(runner.questions.last?.isAtOnce == false)
            #expect(runner.questions.last?.isInTask == true)
            #expect(runner.questions.last?.caller == Self.caller)
        }
    }

    @Test func itsErrorsAreExplainedAndCounted() async throws {
        let metrics = MetricsRegistry()
        try await withProxy(metrics: metrics) { proxy, client, runner in
            runner.answer(with: .failure(StorageError(.inputOutput, "bad sector")))
            let error = await #expect(throws: StorageError.self) { try await client.pathExists("\(Self.root)/x") }
            #expect(error?.code == .inputOutput)
            #expect(error?.description == "look up path \(Self.root)/x: bad sector")
            let malformed = await #expect(throws: StorageError.self) { try await client.pathExists("x") }
            #expect(malformed?.code == .invalidArgument)
            runner.answer(with: .success(true))
            try await Self.expect(true, client, "\(Self.root)/x")
            #expect(runner.questions.allSatisfy { $0.isAtOnce })
            #expect(proxy.audit.lines.isEmpty)
        }
        let text = metrics.text
        for line in [
            #"grpc_server_started_total{grpc_method="PathExists",grpc_service="v2.Filesystem",grpc_type="unary"} 3"#,
            #"grpc_server_msg_received_total{grpc_method="PathExists",grpc_service="v2.Filesystem",grpc_type="unary"} 3"#,
            #"grpc_server_msg_sent_total{grpc_method="PathExists",grpc_service="v2.Filesystem",grpc_type="unary"} 1"#,
        ] { #expect(text.contains(line), "\(text)") }
    }

    /// By the host's own comparison too, which has the last word.
    @Test func itsRefusalsAreLogged() async throws {
        try await withProxy(try Self.confined(to: "ours")) { proxy, client, runner in
            try await Self.expect(true, client, "\(Self.root)/ours/x")
            let outside = await #expect(throws: StorageError.self) {
                try await client.pathExists("\(Self.root)/theirs/x")
            }
            #expect(outside?.code == .denied)
            #expect(runner.questions.map(\.path) == ["\(Self.root)/ours/x"])
            #expect(proxy.audit.lines.count == 1)
            #expect(proxy.audit.lines.first?.contains("subject=\"\(Self.root)/theirs/x\"") == true)
            runner.answer(with: .failure(StorageError(.denied, "a link leads out")))
            _ = await #expect(throws: StorageError.self) { try await client.pathExists("\(Self.root)/ours/x") }
            #expect(proxy.audit.lines.count == 2)
        }
    }

    /// On an open connection, with rights that were looked up before.
    @Test func anotherPolicyCountsFromTheNextCallOn() async throws {
        try await withProxy(try Self.confined(to: "ours")) { proxy, client, runner in
            try await Self.expect(true, client, "\(Self.root)/ours/x")
            proxy.access.replace(with: try Self.confined(to: "theirs"))
            let outside = await #expect(throws: StorageError.self) {
                try await client.pathExists("\(Self.root)/ours/x")
            }
            #expect(outside?.code == .denied)
            try await Self.expect(true, client, "\(Self.root)/theirs/x")
            #expect(runner.questions.map(\.path) == ["\(Self.root)/ours/x", "\(Self.root)/theirs/x"])
            proxy.access.replace(with: AccessPolicy(rules: []))
            for directory in ["ours", "theirs"] {
                let denied = await #expect(throws: StorageError.self) {
                    try await client.pathExists("\(Self.root)/\(directory)/x")
                }
                #expect(denied?.code == .denied)
            }
            #expect(runner.questions.count == 2)
        }
    }
}
