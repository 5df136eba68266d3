// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// A TCP port of a host, by one of the host's addresses.
struct NetworkAddress: Sendable {
    let family: Int32
    /// The `sockaddr` of that family.
    let bytes: [UInt8]
    /// The host in numbers, without its port.
    let text: String

    /// The addresses of a name or a numeric address. Asks the resolver, so it can take its time; never empty.
    static func all(of host: String, port: UInt16) throws(StorageError) -> [NetworkAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV
        var first: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, "\(port)", &hints, &first)
        guard result == 0 else {
            throw StorageError(.unavailable, "its name is not resolved: \(reason(result))", subject: host)
        }
        defer { freeaddrinfo(first) }
        var addresses: [NetworkAddress] = []
        var next = first
        while let entry = next?.pointee {
            addresses.append(try NetworkAddress(entry, host))
            next = entry.ai_next
        }
        return addresses
    }

    private init(_ entry: addrinfo, _ host: String) throws(StorageError) {
        family = entry.ai_family
        bytes = Array(UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen)))
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let result = getnameinfo(
            entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
        guard result == 0 else { throw StorageError(.internalError, Self.reason(result), subject: host) }
        self.text = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func reason(_ result: Int32) -> String { String(cString: gai_strerror(result)) }
}
