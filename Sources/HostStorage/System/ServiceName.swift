// SPDX-License-Identifier: Apache-2.0

/// The name of a service, which on Linux is a service unit of systemd.
public struct ServiceName: Sendable, Hashable, TextValue {
    /// The unit's name: "iscsid.service".
    public let unit: String

    /// Takes a name with or without ".service". Refuses names that no service has: other types of unit, templates
    /// without an instance, and all characters that units are not named with.
    ///
    /// Source: systemd.unit(5); at most 255 characters of letters, digits and `:-_.\@`.
    public init(_ text: String) throws(StorageError) {
        let unit = text.hasSuffix(".service") ? text : "\(text).service"
        let stem = unit.utf8.dropLast(".service".utf8.count)
        let other = ["socket", "target", "mount", "automount", "swap", "device", "timer", "path", "slice", "scope"]
            .first { text.hasSuffix(".\($0)") }
        let reason: String? =
            if text.isEmpty {
                "the service's name is empty"
            } else if unit.utf8.count > 255 {
                "the service's name has more than 255 characters"
            } else if let other {
                "\"\(text.excerpt)\" is a \(other), not a service"
            } else if stem.isEmpty || !stem.allSatisfy(Self.isAllowed) || stem.first == UInt8(ascii: "@") {
                "\"\(text.excerpt)\" cannot be a service's name"
            } else if stem.last == UInt8(ascii: "@") {
                "\"\(text.excerpt)\" is a template, not a service"
            } else {
                nil
            }
        if let reason { throw StorageError(.invalidArgument, reason) }
        self.unit = unit
    }

    public var description: String { unit }

    static func isAllowed(_ byte: UInt8) -> Bool { byte.isLetterOrDigit || ":-_.\\@".utf8.contains(byte) }
}
