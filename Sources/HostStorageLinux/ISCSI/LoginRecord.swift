// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The text for `iscsiadm` in one login in place of a target's record: the record, except for the settings of this
/// login.
enum LoginRecord {
    /// The proofs of each side.
    struct Proofs: Sendable {
        /// The host to the target.
        var host: CHAP?
        /// The target to the host.
        var target: CHAP?

        var secrets: [Secret] { [host?.secret, target?.secret].compactMap { $0 } }
    }

    /// - Parameter record: the record's text; the operator's settings stay, except for
    ///   - `node.session.auth`, whose secrets are this login's,
    ///   - `node.startup`: the session is not taken up again when the host restarts,
    ///   - `node.session.scan`: a login without its disks is of no use here,
    ///   - `node.session.nr_sessions`: one,
    ///   - `node.session.initial_login_retry_max`: eight times 15 s and more are longer than callers wait; they call
    ///     again.
    static func text(from record: String, _ proofs: Proofs) throws(StorageError) -> String {
        var lines = record.split(separator: "\n").map(String.init).filter { !replaces($0) && $0 != end }
        lines.append("node.startup = manual")
        lines.append("node.session.scan = auto")
        lines.append("node.session.nr_sessions = 1")
        lines.append("node.session.initial_login_retry_max = 1")
        if let algorithms = record.split(separator: "\n").first(where: { name(of: $0) == "\(auth)chap_algs" }) {
            lines.append(String(algorithms))
        }
        lines.append("\(auth)authmethod = \(proofs.host == nil ? "None" : "CHAP")")
        if let host = proofs.host {
            lines.append(try line("\(auth)username", host.name))
            lines.append(try line("\(auth)password", host.secret.revealed))
        }
        if let target = proofs.target {
            lines.append(try line("\(auth)username_in", target.name))
            lines.append(try line("\(auth)password_in", target.secret.revealed))
        }
        lines.append(end)
        return lines.joined(separator: "\n") + "\n"
    }

    /// The value of a line, where the record has one.
    static func value(of name: String, in record: String) -> String? {
        record.split(separator: "\n").last { Self.name(of: $0) == name }.flatMap { line in
            line.keyAndValue.map { trimmed($0.value) }
        }
    }

    private static let end = "# END RECORD"
    private static let auth = "node.session.auth."
    private static let ours: Set<String> = [
        "node.startup", "node.session.scan", "node.session.nr_sessions", "node.session.initial_login_retry_max",
    ]

    private static func replaces(_ line: String) -> Bool {
        let name = name(of: Substring(line))
        return name.hasPrefix(auth) || ours.contains(name)
    }

    private static func name(of line: Substring) -> String {
        trimmed(line.keyAndValue?.key ?? line)
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }

    /// open-iscsi takes everything between "=" and the line's end for the value, `#` and quotes included, but for
    /// white space at both ends (usr/idbm.c, idbm_recinfo_config). ``Secret`` and ``CHAP`` have no line ends.
    private static func line(_ name: String, _ value: String) throws(StorageError) -> String {
        guard value.utf8.first != UInt8(ascii: " "), value.utf8.last != UInt8(ascii: " ") else {
            throw StorageError(
                .invalidArgument,
                "a CHAP name or secret that begins or ends with a space is none that open-iscsi can hold")
        }
        return "\(name) = \(value)"
    }
}
