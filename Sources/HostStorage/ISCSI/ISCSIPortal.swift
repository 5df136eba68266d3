// SPDX-License-Identifier: Apache-2.0

/// Where an iSCSI target can be reached.
public struct ISCSIPortal: Sendable, Hashable, CustomStringConvertible {
    /// A name, an IPv4 address or an IPv6 address without brackets, in lower case.
    public let address: String
    public let port: UInt16

    /// The port that IANA registered for iSCSI.
    public static let defaultPort: UInt16 = 3260

    /// - Parameters:
    ///   - address: IPv6 addresses with or without brackets.
    ///   - port: 0 is ``defaultPort``; beyond 65535 it is refused, not truncated.
    public init(address text: String, port: UInt32 = 0) throws(StorageError) {
        var address = text.lowercased()
        let isBracketed = address.hasPrefix("[") && address.hasSuffix("]")
        if isBracketed { address = String(address.dropFirst().dropLast()) }
        guard address.utf8.count <= 253, Self.isName(address) || Self.isIPv6(address),
            !isBracketed || Self.isIPv6(address)
        else {
            throw StorageError(.invalidArgument, "\"\(text.excerpt)\" is not the address of a portal")
        }
        guard let port = UInt16(exactly: port) else {
            throw StorageError(.invalidArgument, "\(port) is not a TCP port")
        }
        self.address = address
        self.port = port == 0 ? Self.defaultPort : port
    }

    public var isIPv6: Bool { Self.isIPv6(address) }

    /// As open-iscsi and RFC 3986 spell it: an IPv6 address in brackets.
    public var description: String { isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)" }

    private static func isName(_ text: String) -> Bool {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.allSatisfy { label in
            !label.isEmpty && label.first != UInt8(ascii: "-")
                && label.allSatisfy { isDigit($0) || isLetter($0) || "-_".utf8.contains($0) }
        }
    }

    /// The right characters in it; whether it is one, the resolver says. It may have a zone: `fe80::1%eth0`.
    private static func isIPv6(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "%"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first, address.count(where: { $0 == UInt8(ascii: ":") }) >= 2 else { return false }
        let isAddress = address.allSatisfy {
            isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) || $0 == UInt8(ascii: ":")
                || $0 == UInt8(ascii: ".")
        }
        return isAddress
            && parts.dropFirst().allSatisfy { !$0.isEmpty && $0.allSatisfy { isLetter($0) || isDigit($0) } }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
}
