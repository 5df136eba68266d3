// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Where an SMB server is. The kernel mounts by addresses only (`ip=`), so names are resolved here.
enum ServerAddress {
    /// Of direct hosting of SMB over TCP (MS-SMB2 2.1).
    private static let port: UInt16 = 445
    /// How long each address has for each answer, in seconds.
    private static let timeout = 5
    /// After that no further address is asked.
    private static let totalTimeout: Duration = .seconds(15)

    /// The first of the server's addresses at which it answers, in numbers.
    ///
    /// It sends a request and does not only connect: a server that hangs still takes connections. The kernel would wait
    /// for one for most of a minute, and meanwhile mount no other share either (`cifs_mount_mutex`).
    static func find(_ server: String) throws(StorageError) -> String {
        let end = ContinuousClock.now + totalTimeout
        var failure: StorageError?
        for address in try NetworkAddress.all(of: literal(server) ?? server, port: port) {
            if let failure, ContinuousClock.now > end { throw failure }
            do throws(StorageError) {
                try greet(address)
                return address.text
            } catch {
                failure = error.during("", server)
            }
        }
        throw failure ?? StorageError(.unavailable, "its name has no address", subject: server)
    }

    /// The address in a server's name that is one: `[2001:db8::1]`, or `2001-db8--1.ipv6-literal.net`, as UNC paths
    /// without colons have it.
    static func literal(_ server: String) -> String? {
        if server.hasPrefix("["), server.hasSuffix("]") { return String(server.dropFirst().dropLast()) }
        guard server.hasSuffix(".ipv6-literal.net") else { return nil }
        return String(server.dropLast(".ipv6-literal.net".count)).replacing("-", with: ":").replacing("s", with: "%")
    }

    private static func greet(_ address: NetworkAddress) throws(StorageError) {
        let connection = try Connection(to: address, timeout: timeout)
        try connection.send(greeting)
        guard try connection.receive(8)[4...] == protocolID[...] else {
            throw StorageError(.unavailable, "what answers there does not speak SMB 2 or 3")
        }
    }

    private static let protocolID: [UInt8] = [0xFE] + Array("SMB".utf8)

    /// A request to negotiate a dialect (MS-SMB2 2.2.1.2 and 2.2.3), which every server answers, if only with an error.
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
}
