// SPDX-License-Identifier: Apache-2.0

/// Where an iSCSI target can be reached.
public struct ISCSIPortal: Sendable, Hashable, Codable, CustomStringConvertible {
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

    private enum CodingKeys: CodingKey { case address, port }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let (address, port) = (
            try container.decode(String.self, forKey: .address), try container.decode(UInt16.self, forKey: .port)
        )
        do throws(StorageError) {
            try self.init(address: address, port: UInt32(port))
        } catch {
            throw DecodingError.dataCorruptedError(forKey: .address, in: container, debugDescription: error.detail)
        }
    }

    public var isIPv6: Bool { Self.isIPv6(address) }

    /// As open-iscsi and RFC 3986 spell it: an IPv6 address in brackets.
    public var description: String { isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)" }

    /// A host's name (RFC 1123, and `_`, which some have), or an IPv4 address: if it ends in a number, it must be one.
    private static func isName(_ text: String) -> Bool {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if let last = labels.last, !last.isEmpty, last.allSatisfy(\.isDigit) { return isIPv4(text[...]) }
        return labels.allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { $0.isLetterOrDigit || "-_".utf8.contains($0) }
        }
    }

    /// Four numbers up to 255, none written as octal.
    private static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                let digits = part.utf8
                guard (1...3).contains(digits.count), digits.allSatisfy(\.isDigit) else { return false }
                return (digits.count == 1 || part.first != "0") && (Int(part) ?? 256) <= 255
            }
    }

    /// Eight groups, of which one run may be left out, and the last two may be an IPv4 address (RFC 4291). It may have a
    /// zone: `fe80::1%eth0`.
    private static func isIPv6(_ text: String) -> Bool {
        let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first, address.contains(":") else { return false }
        let isZone = parts.dropFirst().allSatisfy { zone in
            (1...15).contains(zone.utf8.count)
                && zone.utf8.allSatisfy { $0.isLetterOrDigit || ".-_".utf8.contains($0) }
        }
        guard isZone else { return false }
        let halves = address.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        var groups = 0
        for (index, half) in halves.enumerated() where !half.isEmpty {
            let parts = half.split(separator: ":", omittingEmptySubsequences: false)
            for (place, part) in parts.enumerated() {
                if part.contains(".") {
                    guard place == parts.count - 1, index == halves.count - 1, isIPv4(part) else { return false }
                    groups += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(\.isHexDigit) else { return false }
                    groups += 1
                }
            }
        }
        return halves.count == 2 ? groups <= 7 : groups == 8
    }
}
