// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Asks a target by what CHAP name it proves itself.
///
/// csi-proxy's callers set the secret of mutual CHAP and no name, and Windows takes any. open-iscsi refuses a target
/// whose name is not the one that it was told. A target says it only to a host that has proved itself; so this logs in
/// up to that point and leaves. The name is no proof: that remains with open-iscsi's own login, and the secret.
struct NameInquiry: ~Copyable {
    private let socket: Descriptor
    private let session: [UInt8]
    private var expected: UInt32 = 0

    /// In seconds, for each of its seven steps.
    private static let patience = 5
    private static let largestAnswer = 64 << 10

    static func name(ofTarget record: NodeRecord, host: CHAP) throws(StorageError) -> String {
        let text = try Sysfs.attribute(record.path) ?? ""
        let own = LoginRecord.value(of: "iface.initiatorname", in: text)
        let initiator: String
        if let own { initiator = own } else { initiator = try initiatorName() }
        do throws(StorageError) {
            var inquiry = try NameInquiry(record.portal)
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
        try write(message.request(session: session, expected: expected))
        guard let response = LoginMessage.Response(header: try read(LoginMessage.headerSize)),
            response.dataSize <= Self.largestAnswer
        else { throw StorageError(.unavailable, "it answers a login with something else") }
        expected = response.number &+ 1
        let data = try read((response.dataSize + 3) / 4 * 4)
        switch response.status {
        case 0: return LoginMessage(data: Array(data[..<response.dataSize]))
        case 0x0201: throw StorageError(.denied, "the target does not accept the CHAP name and secret")
        case 0x0202: throw StorageError(.denied, "the target does not admit this host")
        case 0x0203: throw StorageError(.notFound, "the portal has no such target")
        case let status:
            throw StorageError(.unavailable, "it refuses the login with status 0x\(String(status, radix: 16))")
        }
    }

    // MARK: - Connection

    private init(_ portal: ISCSIPortal) throws(StorageError) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(portal.address, "\(portal.port)", &hints, &found) == 0, let address = found?.pointee else {
            throw StorageError(.unavailable, "its name has no address")
        }
        defer { freeaddrinfo(found) }
        let kind = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue)
        let socket = Descriptor(
            owning: try checkErrno(Glibc.socket(address.ai_family, kind, address.ai_protocol), "socket"))
        var time = timeval(tv_sec: Self.patience, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            try checkErrno(
                setsockopt(socket.raw, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size)), "setsockopt")
        }
        guard connect(socket.raw, address.ai_addr, address.ai_addrlen) == 0 else {
            throw Self.unreachable(errno, "connect")
        }
        self.socket = socket
        // Of the "random" kind, which iscsid's are not.
        session = [0x80] + (0..<5).map { _ in UInt8.random(in: 0...255) }
    }

    private func write(_ bytes: [UInt8]) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                Glibc.send(socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Self.unreachable(errno, "send") }
            done += count
        }
    }

    private func read(_ count: Int) throws(StorageError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            let got = recv(socket.raw, &buffer, count - bytes.count, 0)
            guard got > 0 else { throw Self.unreachable(got == 0 ? ECONNRESET : errno, "recv") }
            bytes += buffer[..<got]
        }
        return bytes
    }

    private static func unreachable(_ code: Int32, _ call: String) -> StorageError {
        StorageError(
            .unavailable, "it does not answer",
            cause: .systemCall(call, errno: code, text: String(cString: strerror(code))))
    }
}
