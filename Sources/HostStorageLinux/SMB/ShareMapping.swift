// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A share as it is mounted for one SMB user, whose rights all users of the mapping have. Users' names are the same in
/// upper and lower case.
struct ShareMapping: Sendable, Hashable {
    let share: SMBShare
    /// The user in its directory's name.
    let owner: String

    init(_ share: SMBShare, as credentials: SMBCredentials?) {
        self.share = share
        // No name is encoded like this, so that a user named guest is another than a guest.
        owner = credentials.map { Self.fileName($0.name.lowercased()) } ?? "%guest"
    }

    init(_ share: SMBShare, owner: String) {
        self.share = share
        self.owner = owner
    }

    /// By the names of its directories; nil where they are those of no share.
    init?(directories: [String]) {
        guard directories.count == 3,
            let remote = try? SMBRemotePath("//\(Self.text(directories[0]))/\(Self.text(directories[1]))")
        else { return nil }
        self.init(remote.share, owner: directories[2])
    }

    static func directories(of share: SMBShare) -> [String] { [fileName(share.server), fileName(share.name)] }

    /// Where it is, beneath the directory of mappings or of their records.
    var directories: [String] { Self.directories(of: share) + [owner] }

    /// A name that a file can have in any spelling of paths, and that stands for one text only.
    private static func fileName(_ text: String) -> String {
        var name: [UInt8] = []
        for (index, byte) in text.utf8.enumerated() {
            switch byte {
            case _ where byte.isLetterOrDigit || byte >= 0x80 || "-_$".utf8.contains(byte): name.append(byte)
            // Neither first, where it hides, nor last, where Windows drops it.
            case UInt8(ascii: ".") where index > 0 && index < text.utf8.count - 1: name.append(byte)
            default: name += "%\(byte.hexadecimal.uppercased())".utf8
            }
        }
        return String(decoding: name, as: UTF8.self)
    }

    /// Reverses ``fileName(_:)``.
    private static func text(_ name: String) -> String {
        var text: [UInt8] = []
        var rest = name.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                text.append(code)
                rest = rest.dropFirst(2)
            } else {
                text.append(byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
