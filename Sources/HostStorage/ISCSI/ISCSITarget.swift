// SPDX-License-Identifier: Apache-2.0

/// The name of an iSCSI node: `iqn.2001-04.com.example:storage`, or an `eui.` or `naa.` one.
public struct ISCSIName: Sendable, Hashable, TextValue {
    public let description: String

    /// Source: RFC 7143, 4.2.7: at most 223 bytes of letters, digits, `-`, `.` and `:`. Underscores violate it, but are
    /// in use.
    public init(_ text: String) throws(StorageError) {
        guard text.utf8.allSatisfy({ $0.isLetterOrDigit || "-.:_".utf8.contains($0) }), text.utf8.count <= 223,
            text.utf8.count > 4,
            ["iqn.", "eui.", "naa."].contains(where: text.hasPrefix)
        else {
            throw StorageError(.invalidArgument, "\"\(text.excerpt)\" is not the name of an iSCSI target")
        }
        description = text
    }
}

/// A target as it is to be used: by its name, at one of its portals.
public struct ISCSITarget: Sendable, Hashable, Codable, CustomStringConvertible {
    public var name: ISCSIName
    public var portal: ISCSIPortal

    public init(_ name: ISCSIName, at portal: ISCSIPortal) {
        self.name = name
        self.portal = portal
    }

    public var description: String { "\(name) at \(portal)" }
}
