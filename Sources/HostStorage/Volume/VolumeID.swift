// SPDX-License-Identifier: Apache-2.0

/// The name of a volume: `\\?\Volume{GUID}\`, the spelling of a Windows volume GUID path.
///
/// The GUID is a name-based UUID of the disk's identity and of the partition, so that a disk and its copy have volumes
/// of different IDs. A volume ID is equal byte for byte every time it is asked for and stays valid while the volume is
/// not mounted.
public struct VolumeID: Sendable, Hashable, TextValue {
    /// The GUID in lower case, with hyphens, without braces.
    public let guid: String

    /// Takes a GUID in either case and refuses other text.
    public init(guid: String) throws(StorageError) {
        guard Self.isGUID(guid) else {
            throw StorageError(.invalidArgument, "\"\(guid.excerpt)\" is not a GUID")
        }
        self.guid = guid.lowercased()
    }

    /// Reads a volume ID as callers send it, in either case, as Windows looks names of objects up. The backslash at its
    /// end may be missing.
    public init(_ text: String) throws(StorageError) {
        guard !text.isEmpty else { throw StorageError(.invalidArgument, "the volume ID is empty") }
        let bytes = text.utf8
        let prefix = #"\\?\Volume{"#.utf8
        let rest = bytes.dropFirst(prefix.count)
        guard bytes.starts(with: prefix, by: Self.isSameLetter), rest.count == 37 || rest.count == 38,
            let guid = String(rest.prefix(36)), Self.isGUID(guid),
            rest.dropFirst(36).elementsEqual("}".utf8) || rest.dropFirst(36).elementsEqual(#"}\"#.utf8)
        else {
            throw StorageError(
                .invalidArgument, #""\#(text.excerpt)" is not a volume ID of the form \\?\Volume{GUID}\"#)
        }
        self.guid = guid.lowercased()
    }

    public var description: String { #"\\?\Volume{\#(guid)}\"# }

    private static func isSameLetter(_ a: UInt8, _ b: UInt8) -> Bool {
        a == b || (a ^ b == 0x20 && a.isLetter)
    }

    private static func isGUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 36
            && bytes.indices.allSatisfy { index in
                switch index {
                case 8, 13, 18, 23: bytes[index] == UInt8(ascii: "-")
                default: bytes[index].isHexDigit
                }
            }
    }
}
