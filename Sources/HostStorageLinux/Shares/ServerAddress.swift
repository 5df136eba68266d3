// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Where an SMB server is. The kernel mounts by addresses only (`ip=`), so names are resolved here.
enum ServerAddress {
    /// Of direct hosting of SMB over TCP (MS-SMB2 2.1).
    private static let port = "445"

    /// The first of the server's addresses at which it answers, in numbers.
    ///
    /// It is asked something, and not only connected to: a server that hangs still takes connections. The kernel would
    /// wait for one for most of a minute, and meanwhile mount nobody else's share either (`cifs_mount_mutex`).
    ///
    /// - Parameter patience: how long each address has for each answer.
    static func find(_ server: String, patience: Duration = .seconds(5)) throws(StorageError) -> String {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(literal(server) ?? server, port, &hints, &list)
        guard result == 0 else {
            throw StorageError(
                .unavailable, "the server's name is not resolved: \(String(cString: gai_strerror(result)))",
                subject: server)
        }
        defer { freeaddrinfo(list) }
        var failure = StorageError(.unavailable, "the server's name has no address", subject: server)
        var next = list
        while let entry = next?.pointee {
            next = entry.ai_next
            do throws(StorageError) {
                try connect(entry, server, patience)
                return try text(of: entry, server)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// The address in a server's name that is one: `[2001:db8::1]`, or `2001-db8--1.ipv6-literal.net`, as UNC paths
    /// without colons have it.
    static func literal(_ server: String) -> String? {
        if server.hasPrefix("["), server.hasSuffix("]") { return String(server.dropFirst().dropLast()) }
        guard server.hasSuffix(".ipv6-literal.net") else { return nil }
        return String(server.dropLast(".ipv6-literal.net".count)).replacing("-", with: ":").replacing("s", with: "%")
    }

    private static func connect(
        _ entry: addrinfo, _ server: String, _ patience: Duration
    ) throws(StorageError) {
        let socket = Descriptor(
            owning: try checkErrno(
                socket(
                    entry.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0),
                "socket", server))
        if Glibc.connect(socket.raw, entry.ai_addr, entry.ai_addrlen) < 0 {
            guard errno == EINPROGRESS else { throw noAnswer(errno, server) }
            try wait(for: POLLOUT, on: socket, server, patience)
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            try checkErrno(getsockopt(socket.raw, SOL_SOCKET, SO_ERROR, &code, &size), "getsockopt", server)
            if code != 0 { throw noAnswer(code, server) }
        }
        guard send(socket.raw, greeting, greeting.count, Int32(MSG_NOSIGNAL)) == greeting.count else {
            throw noAnswer(errno, server)
        }
        try wait(for: POLLIN, on: socket, server, patience)
        var answer = [UInt8](repeating: 0, count: 8)
        guard recv(socket.raw, &answer, answer.count, 0) == answer.count, Array(answer[4...]) == protocolID else {
            throw StorageError(.unavailable, "what answers there does not speak SMB 2 or 3", subject: server)
        }
    }

    private static func wait(
        for event: Int32, on socket: borrowing Descriptor, _ server: String, _ patience: Duration
    ) throws(StorageError) {
        var waiting = pollfd(fd: socket.raw, events: Int16(event), revents: 0)
        guard poll(&waiting, 1, Int32(patience.components.seconds * 1000)) > 0 else {
            throw noAnswer(ETIMEDOUT, server)
        }
    }

    private static let protocolID: [UInt8] = [0xFE] + Array("SMB".utf8)

    /// A request to negotiate a dialect (MS-SMB2 2.2.1.2 and 2.2.3), which every server answers whatever it thinks of
    /// it.
    private static let greeting: [UInt8] = {
        func little(_ value: UInt16) -> [UInt8] { [UInt8(value & 0xFF), UInt8(value >> 8)] }
        let dialects: [UInt16] = [0x0202, 0x0210, 0x0300, 0x0302]
        // The size of the header, then one credit asked for; all else of it is 0, NEGOTIATE included.
        var header = protocolID + little(64) + [UInt8](repeating: 0, count: 58)
        header[14] = 1
        // The size of the request, how many dialects, that signing is possible; no capabilities, and an ID of 0.
        var request = little(36) + little(UInt16(dialects.count)) + little(1) + [UInt8](repeating: 0, count: 30)
        request += dialects.flatMap(little)
        let message = header + request
        return [0, 0, UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message
    }()

    private static func noAnswer(_ code: Int32, _ server: String) -> StorageError {
        var error = StorageError(errno: code, "connect", server)
        error.code = .unavailable
        error.detail = "the server does not answer"
        return error
    }

    private static func text(of entry: addrinfo, _ server: String) throws(StorageError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let result = getnameinfo(
            entry.ai_addr, entry.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
        guard result == 0 else {
            throw StorageError(.internalError, String(cString: gai_strerror(result)), subject: server)
        }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
