// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// `iscsiadm`, and its exit statuses. Every process can read its arguments, so no secret is one.
struct InitiatorProgram: Sendable {
    private let program: ChildProgram

    init() throws(StorageError) { program = try ChildProgram("iscsiadm", package: "open-iscsi") }

    /// Commands on records, which touch files only. Another process can hold the lock on them for a while.
    private static let recordDeadline: Duration = .seconds(15)
    /// Three tries of one second where the portal refuses; one that does not answer is not waited for longer.
    private static let discoveryDeadline: Duration = .seconds(20)
    /// iscsid gives a login 15 s (`node.conn[0].timeo.login_timeout`), and goes on where iscsiadm is ended; so this is
    /// for the case that iscsid does not answer.
    private static let loginDeadline: Duration = .seconds(45)

    func add(_ portal: ISCSIPortal) async throws(StorageError) {
        let record = ["-m", "discoverydb", "-t", "sendtargets", "-p", "\(portal)"]
        try await run(record + ["-o", "new"], Self.recordDeadline, "\(portal)")
        // A caller repeats a discovery; five tries of up to 15 s each are longer than callers wait.
        try await run(
            record + ["-o", "update", "-n", "discovery.sendtargets.reopen_max", "-v", "1"], Self.recordDeadline,
            "\(portal)")
    }

    func remove(_ portal: ISCSIPortal) async throws(StorageError) {
        try await run(
            ["-m", "discoverydb", "-t", "sendtargets", "-p", "\(portal)", "-o", "delete"], Self.recordDeadline,
            "\(portal)")
    }

    /// The targets that a portal names. Records are made of those that have none.
    ///
    /// No record that is there is touched: a login may have replaced it for a time, and by default open-iscsi would make it
    /// anew, or delete it and log out of the target that is not named any more.
    func discover(at portal: ISCSIPortal) async throws(StorageError) -> [ISCSIName] {
        let outcome: ChildProgram.Outcome
        do throws(StorageError) {
            outcome = try await program.ask(
                ["-m", "discoverydb", "-t", "sendtargets", "-p", "\(portal)", "-o", "new", "-D"],
                deadline: Self.discoveryDeadline)
        } catch  where error.code == .deadlineExceeded {
            throw StorageError(
                .unavailable, "it has not answered within \(Self.discoveryDeadline)", subject: "\(portal)")
        }
        // A portal without targets is no error.
        if outcome.status == Status.noObjectsFound.rawValue { return [] }
        try Self.check(outcome, "\(portal)")
        return Self.names(in: outcome.output)
    }

    /// Of lines such as "[2001:db8::1]:3260,1 iqn.2001-04.com.example:x": each name once.
    static func names(in output: String) -> [ISCSIName] {
        var seen: Set<ISCSIName> = []
        return output.split(separator: "\n").compactMap { line in
            line.split(separator: " ").last.flatMap { try? ISCSIName(String($0)) }
        }.filter { seen.insert($0).inserted }
    }

    /// Logs in as the record says.
    ///
    /// - Parameter secrets: secrets to keep out of errors.
    func logIn(_ record: NodeRecord, hiding secrets: [Secret]) async throws(StorageError) {
        let outcome = try await program.ask(
            ["-m", "node", "-T", "\(record.target)", "-p", "\(record.portal)", "-I", record.interface, "-l"],
            deadline: Self.loginDeadline)
        try Self.check(Self.hiding(secrets, in: outcome), "\(record.target) at \(record.portal)")
    }

    /// iscsiadm shows no secrets, as far as is known; no log depends on that.
    static func hiding(_ secrets: [Secret], in outcome: ChildProgram.Outcome) -> ChildProgram.Outcome {
        let isTelling = secrets.contains { outcome.errors.contains($0.revealed) }
        return ChildProgram.Outcome(status: outcome.status, errors: isTelling ? "" : outcome.errors)
    }

    func logOut(_ session: Session) async throws(StorageError) {
        do throws(StorageError) {
            try await run(["-m", "session", "-r", "\(session.id)", "-u"], Self.loginDeadline, "session \(session.id)")
        } catch  where error.code == .notFound {
            // It has ended already.
        }
    }

    // MARK: - Outcomes

    private func run(_ arguments: [String], _ deadline: Duration, _ subject: String) async throws(StorageError) {
        let outcome = try await program.run(arguments, deadline: deadline)
        try Self.check(ChildProgram.Outcome(status: outcome.status, errors: outcome.errors), subject)
    }

    static func check(_ outcome: ChildProgram.Outcome, _ subject: String) throws(StorageError) {
        guard outcome.status != 0 else { return }
        let cause = StorageError.Cause.program("iscsiadm", status: outcome.status, output: outcome.errors)
        guard let status = Status(rawValue: outcome.status) else {
            throw StorageError(.internalError, "iscsiadm failed", subject: subject, cause: cause)
        }
        throw StorageError(status.code, status.sentence, subject: subject, cause: cause)
    }

    /// iscsiadm(8), EXIT STATUS: statuses that a caller can act on, or that concern the host.
    enum Status: Int32 {
        case sessionNotFound = 2
        case connectionFailed = 4
        case loginFailed = 5
        case databaseFailed = 6
        case connectionTimedOut = 8
        case logoutFailed = 10
        case answerTimedOut = 11
        case transportNotFound = 12
        case accessDenied = 13
        case sessionExists = 15
        case daemonFailed = 18
        case loginRefused = 19
        case daemonNotThere = 20
        case noObjectsFound = 21
        case notInSysfs = 22
        case hostNotFound = 23
        case authenticationFailed = 24
        case busy = 28
        case tryAgain = 29
        case sessionNotConnected = 32

        var code: StorageError.Code {
            switch self {
            case .sessionNotFound, .noObjectsFound, .notInSysfs: .notFound
            case .connectionFailed, .loginFailed, .connectionTimedOut, .answerTimedOut, .hostNotFound,
                .sessionNotConnected:
                .unavailable
            case .databaseFailed, .daemonFailed, .daemonNotThere, .loginRefused, .logoutFailed: .failedPrecondition
            case .transportNotFound: .unsupported
            case .accessDenied, .authenticationFailed: .denied
            case .sessionExists: .alreadyExists
            case .busy, .tryAgain: .busy
            }
        }

        var sentence: String {
            switch self {
            case .sessionNotFound, .notInSysfs: "there is no such session"
            case .noObjectsFound: "open-iscsi has no record of it"
            case .connectionFailed: "it cannot be connected to"
            case .loginFailed: "the login failed"
            case .connectionTimedOut, .answerTimedOut: "it does not answer"
            case .sessionNotConnected: "its session has lost it"
            case .hostNotFound: "its name has no address"
            case .databaseFailed: "open-iscsi cannot read or write its records"
            case .daemonFailed: "iscsid has stopped answering"
            case .daemonNotThere:
                "iscsid does not run on this host; start it (systemctl enable --now iscsid.socket)"
            case .loginRefused: "the login was refused for good"
            case .logoutFailed: "the logout failed"
            case .transportNotFound: "the kernel of this host is no iSCSI initiator (module iscsi_tcp)"
            case .accessDenied: "iscsid does not let this process in; it takes root"
            case .authenticationFailed: "the target does not accept the CHAP name and secret"
            case .sessionExists: "there is a session already"
            case .busy, .tryAgain: "iscsid is at work on it"
            }
        }
    }
}
