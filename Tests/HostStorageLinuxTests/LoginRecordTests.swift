// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

@testable import HostStorageLinux

/// The record that open-iscsi gets for one login.
@Suite struct LoginRecordTests {
    /// As open-iscsi 2.1.8 writes it, shortened.
    static let record = """
        # BEGIN RECORD 2.1.8
        node.name = iqn.2001-04.com.example:x
        node.startup = automatic
        iface.iscsi_ifacename = default
        node.session.initial_login_retry_max = 8
        node.session.nr_sessions = 2
        node.session.auth.authmethod = CHAP
        node.session.auth.username = earlier
        node.session.auth.password = earlier-secret
        node.session.auth.username_in = earlier-target
        node.session.auth.password_in = earlier-target-secret
        node.session.auth.chap_algs = SHA3-256,MD5
        node.session.timeo.replacement_timeout = 7
        node.session.scan = manual
        # END RECORD

        """

    private func lines(_ proofs: LoginRecord.Proofs) throws -> [Substring] {
        try LoginRecord.text(from: Self.record, proofs).split(separator: "\n")
    }

    @Test func aLoginWithoutProofsHasNoneOfAnEarlierOne() throws {
        let lines = try lines(LoginRecord.Proofs())
        #expect(lines.contains("node.session.auth.authmethod = None"))
        #expect(!lines.contains { $0.contains("earlier") })
        #expect(lines.last == "# END RECORD" && lines.count { $0 == "# END RECORD" } == 1)
    }

    @Test func whatAnOperatorHasSetStaysButForWhatTheLoginIsAbout() throws {
        let lines = try lines(LoginRecord.Proofs())
        for line in [
            "node.session.timeo.replacement_timeout = 7", "node.session.auth.chap_algs = SHA3-256,MD5",
            "node.startup = manual", "node.session.scan = auto", "node.session.nr_sessions = 1",
            "node.session.initial_login_retry_max = 1",
        ] { #expect(lines.count { $0 == line } == 1, "\(line)") }
        #expect(!lines.contains { $0.contains("automatic") || $0.hasSuffix("= 8") || $0.hasSuffix("= 2") })
    }

    @Test func oneWayIsTheHostsProofAlone() throws {
        let chap = try CHAP(name: "host", secret: Secret("secret-of-host"))
        let lines = try lines(LoginRecord.Proofs(host: chap))
        #expect(lines.contains("node.session.auth.authmethod = CHAP"))
        #expect(lines.contains("node.session.auth.username = host"))
        #expect(lines.contains("node.session.auth.password = secret-of-host"))
        #expect(!lines.contains { $0.contains("_in = ") })
    }

    @Test(arguments: ["a b  c", "a=b", "#a#b", #"a"b'c\d"#, "$(x) `y` %n", "0x0011", "naïve-Ω-secret"])
    func aSecretIsAllTextBehindTheSign(_ text: String) throws {
        let proofs = LoginRecord.Proofs(
            host: try CHAP(name: text, secret: Secret(text)), target: try CHAP(name: text, secret: Secret(text)))
        let lines = try lines(proofs)
        for name in ["username", "password", "username_in", "password_in"] {
            let key = "node.session.auth.\(name)"
            #expect(lines.filter { $0.hasPrefix("\(key) =") } == ["\(key) = \(text)"])
        }
    }

    @Test(arguments: [" secret-of-host", "secret-of-host "])
    func aSecretThatOpenISCSIWouldCutShortIsRefused(_ text: String) throws {
        let proofs = LoginRecord.Proofs(host: try CHAP(name: "host", secret: Secret(text)))
        let error = expectError(.invalidArgument, "space") { try LoginRecord.text(from: Self.record, proofs) }
        #expect(error.map { !"\($0)".contains("secret-of-host") } == true)
    }

    @Test func aLineIsReadByItsName() {
        #expect(LoginRecord.value(of: "node.startup", in: Self.record) == "automatic")
        let names = "## InitiatorName=no\nInitiatorName=iqn.x:y \n"
        #expect(LoginRecord.value(of: "InitiatorName", in: names) == "iqn.x:y")
        #expect(LoginRecord.value(of: "node.start", in: Self.record) == nil)
    }
}
