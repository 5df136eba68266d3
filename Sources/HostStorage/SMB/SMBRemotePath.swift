// SPDX-License-Identifier: Apache-2.0

/// A share of an SMB server: `\\server\share`. Servers and shares are the same in upper and lower case.
public struct SMBShare: Sendable, Hashable, CustomStringConvertible {
    /// A name or an address, in lower case.
    public let server: String
    /// In lower case.
    public let name: String

    public var description: String { #"\\\#(server)\\#(name)"# }

    fileprivate init(server: String, name: String) {
        self.server = server.lowercased()
        self.name = name.lowercased()
    }
}

/// A share or a directory in it: `\\server\share\directory`.
public struct SMBRemotePath: Sendable, Hashable, TextValue {
    public let share: SMBShare
    /// The names below the share's root. None is empty, "." or "..".
    public let directories: [String]

    /// Takes slashes of either kind, as many as there are; refuses text without at least a server and a share.
    public init(_ text: String) throws(StorageError) {
        guard !text.isEmpty else { throw StorageError(.invalidArgument, "remote path is empty") }
        let slashes: [UInt8] = [UInt8(ascii: "/"), UInt8(ascii: "\\")]
        let parts = text.utf8.split(whereSeparator: slashes.contains).map { String(Substring($0)) }
        guard text.utf8.count <= 1024, parts.count >= 2, Self.isServer(parts[0]),
            parts.dropFirst().allSatisfy(Self.isName)
        else {
            throw StorageError(
                .invalidArgument,
                #"remote path (\#(text.excerpt)) is invalid: it has the form \\server\share or \\server\share\directory"#
            )
        }
        share = SMBShare(server: parts[0], name: parts[1])
        directories = Array(parts[2...])
    }

    public static func == (a: SMBRemotePath, b: SMBRemotePath) -> Bool {
        a.share == b.share && a.directories.elementsEqual(b.directories) { $0.isIdentical(to: $1) }
    }

    public var description: String { (["\(share)"] + directories).joined(separator: #"\"#) }

    /// Whether it can be a host name or an address; `?` and `.`, which begin Windows device paths, are none.
    private static func isServer(_ text: String) -> Bool {
        let isASCII = text.utf8.allSatisfy { $0 < 0x80 }
        return isASCII && text.contains { $0.isLetter || $0.isNumber }
            && text.allSatisfy { $0.isLetter || $0.isNumber || ".-_:%[]".contains($0) } && text.first != "-"
    }

    /// Source: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
    private static func isName(_ text: String) -> Bool {
        let refused = Set(#"<>":|?*"#.utf8)
        return text != "." && text != ".." && text.utf8.count <= 255
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && !refused.contains($0) }
    }
}
