// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Where a portal is, comparable in every spelling: `::1` is `0:0::1`.
struct PortalAddress: Hashable, Sendable {
    private enum Host: Hashable {
        case ipv4([UInt8])
        case ipv6([UInt8])
        /// A name, or an address with a zone.
        case other(String)
    }

    private let host: Host
    let port: UInt16

    /// - Parameter address: without brackets.
    init(_ address: String, port: UInt16) {
        self.port = port
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, address, &bytes) == 1 {
            host = .ipv4(Array(bytes[..<4]))
        } else if inet_pton(AF_INET6, address, &bytes) == 1 {
            host = .ipv6(bytes)
        } else {
            host = .other(address.lowercased())
        }
    }

    var isNumeric: Bool { if case .other = host { false } else { true } }

    /// The portal, and where it has a name, the addresses of that name: open-iscsi's records of targets, and its
    /// sessions, have addresses. Asks the resolver, so it can take its time.
    static func all(of portal: ISCSIPortal) -> Set<PortalAddress> {
        let own = PortalAddress(portal.address, port: portal.port)
        if own.isNumeric { return [own] }
        let addresses = (try? NetworkAddress.all(of: portal.address, port: own.port)) ?? []
        return Set(addresses.map { PortalAddress($0.text, port: own.port) }).union([own])
    }
}
