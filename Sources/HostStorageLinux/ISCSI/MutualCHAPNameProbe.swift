// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Asks a target for the CHAP name by which it proves itself.
///
/// csi-proxy's callers set the secret of mutual CHAP and no name, and Windows takes any. open-iscsi refuses a target
/// whose name is not the one in its record. A target sends its name only to a host that has proved itself; so this logs
/// in up to that point and leaves. The name is no proof: that remains with open-iscsi's own login, and the secret.
struct MutualCHAPNameProbe: ~Copyable {
    private let connection: Connection
    private let session: [UInt8]
    private var expected: UInt32 = 0

    /// In seconds, for each of its seven steps.
    private static let timeout = 5
    private static let largestAnswer = 64 << 10

    private init(_ portal: ISCSIPortal) throws(StorageError) {
        // open-iscsi's records have addresses, so there is one.
        let address = try NetworkAddress.all(of: portal.address, port: portal.port)[0]
        connection = try Connection(to: address, timeout: Self.timeout)
        // Of the "random" kind, which iscsid's are not.
        session = [0x80] + (0..<5).map { _ in UInt8.random(in: 0...255) }
    }

    static func name(ofTarget record: NodeRecord, host: CHAP) throws(StorageError) -> String {
        let text = try Sysfs.attribute(record.path) ?? ""
        let own = LoginRecord.value(of: "iface.initiatorname", in: text)
        let initiator: String
        if let own { initiator = own } else { initiator = try initiatorName() }
        do throws(StorageError) {
            var inquiry = try MutualCHAPNameProbe(record.portal)
            return try inquiry.ask(record.target, initiator: initiator, host: host)
        } catch {
            throw error.during("", "\(record.target) at \(record.portal)")
        }
    }

    /// The name of this host.
    private static func initiatorName() throws(StorageError) -> String {
        let path = "/etc/iscsi/initiatorname.iscsi"
        guard let name = LoginRecord.value(of: "InitiatorName", in: try Sysfs.attribute(path) ?? "") else {
            throw StorageError(.failedPrecondition, "the host has no name as an initiator", subject: path)
        }
        return name
    }

    // MARK: - Login

    private mutating func ask(
        _ target: ISCSIName, initiator: String, host: CHAP
    ) throws(StorageError) -> String {
        let offer = try send([
            ("InitiatorName", initiator), ("SessionType", "Normal"), ("TargetName", "\(target)"),
            ("AuthMethod", "CHAP"),
        ])
        guard offer["AuthMethod"] == "CHAP" else {
            throw StorageError(.denied, "the target does not take CHAP, so it does not prove the mutual CHAP secret")
        }
        let md5 = "5"
        let challenge = try send([("CHAP_A", md5)])
        guard challenge["CHAP_A"] == md5, let id = challenge["CHAP_I"].flatMap(UInt8.init),
            let bytes = challenge["CHAP_C"].flatMap(LoginMessage.bytes)
        else {
            throw StorageError(.denied, "the target does not take CHAP with MD5, and open-iscsi's default is no other")
        }
        let response = MD5.digest([id] + Array(host.secret.revealed.utf8) + bytes)
        let answer = try send(
            [
                ("CHAP_N", host.name), ("CHAP_R", LoginMessage.hexadecimal(response)),
                ("CHAP_I", "\(UInt8.random(in: 0...255))"),
                ("CHAP_C", LoginMessage.hexadecimal((0..<16).map { _ in UInt8.random(in: 0...255) })),
            ], endsSecurityStage: true)
        guard let name = answer["CHAP_N"], answer["CHAP_R"] != nil else {
            throw StorageError(.denied, "the target does not prove itself")
        }
        return name
    }

    private mutating func send(
        _ texts: [(key: String, value: String)], endsSecurityStage: Bool = false
    ) throws(StorageError) -> LoginMessage {
        let message = LoginMessage(texts, endsSecurityStage: endsSecurityStage)
        try connection.send(message.request(session: session, expected: expected))
        guard let response = LoginMessage.Response(header: try connection.receive(LoginMessage.headerSize)),
            response.dataSize <= Self.largestAnswer
        else { throw StorageError(.unavailable, "it answers a login with something else") }
        expected = response.number &+ 1
        let data = try connection.receive((response.dataSize + 3) / 4 * 4)
        switch response.status {
        case 0: return LoginMessage(data: Array(data[..<response.dataSize]))
        case 0x0201: throw StorageError(.denied, "the target does not accept the CHAP name and secret")
        case 0x0202: throw StorageError(.denied, "the target does not admit this host")
        case 0x0203: throw StorageError(.notFound, "the portal has no such target")
        case let status:
            throw StorageError(.unavailable, "it refuses the login with status 0x\(String(status, radix: 16))")
        }
    }
}
