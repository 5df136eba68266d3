// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Logging
import Synchronization
import Testing

/// S7: a value with a secret in it shows everything but the secret.
@Suite struct S7SecretTests {
    static let word = "correct-horse-battery"

    @Test func nothingThatHoldsASecretShowsIt() throws {
        let secret = try Secret(Self.word)
        let credentials = try SMBCredentials(user: #"DOMAIN\alice"#, password: secret)
        let chap = try CHAP(name: "initiator", secret: secret)
        let values: [Any] = [
            secret, credentials, chap, ISCSIAuthentication.mutual(chap, target: chap), [secret],
            Optional(secret) as Any,
        ]
        for value in values {
            var dumped = ""
            dump(value, to: &dumped)
            for text in ["\(value)", String(reflecting: value), dumped] {
                #expect(!text.contains(Self.word), "\(text)")
            }
        }
        #expect(!(secret is any Encodable))
        #expect(secret.revealed == Self.word)
    }

    @Test func secretsAreComparedByteForByte() throws {
        #expect(try Secret("\u{E9}") != Secret("e\u{301}"))
        #expect(try Secret("a") == Secret("a"))
    }

    @Test(arguments: ["a\0b", "a\nb", "\r", "\u{7F}"]) func whatWouldEndALineIsRefused(_ text: String) {
        expectError(.invalidArgument, "control character") { try Secret(text) }
    }

    @Test func noLogLineAndNoErrorHoldsASecret() async throws {
        let lines = LogLines()
        let settings = HostSettings(paths: try PathPolicy(roots: ["/var/lib/kubelet"]))
        let backend = MemoryBackend(settings: settings)
        let host = LocalHost(backend: backend, settings: settings, logger: lines.logger)
        let secret = try Secret(Self.word)
        let credentials = try SMBCredentials(user: "alice", password: secret)
        let chap = try CHAP(name: "initiator", secret: secret)
        let remote = try SMBRemotePath(#"\\server\share"#)
        let target = ISCSITarget(try ISCSIName("iqn.2001-04.com.example:x"), at: try ISCSIPortal(address: "target"))
        for _ in 0..<2 {
            _ = try? await host.mapShare(remote, linkedAt: "/var/lib/kubelet/x", as: credentials)
            _ = try? await host.connectTarget(target, as: .oneWay(chap))
            _ = try? await host.setMutualCHAPSecret(secret)
            // First they fail, then they do not.
            try backend.addShare("\(remote)", accounts: ["alice": Self.word])
            backend.addTarget(target, chap: chap)
            try await host.addPortal(target.portal)
            _ = try await host.discoverTargets(at: target.portal)
        }
        #expect(lines.all.contains { $0.contains("map share") && $0.contains("alice") })
        #expect(lines.all.contains { $0.contains("connect target") })
        for line in lines.all { #expect(!line.contains(Self.word), "\(line)") }
    }
}

/// A log that is kept, at every level.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(lines: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            lines.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
        }
    }
}
