// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// A place on a file server: `\\server\share\a\b` on Windows, `//server/share/a/b` to mount.cifs(8).
public struct RemotePath: Sendable, Hashable, CustomStringConvertible {
    public let server: String
    public let share: String
    /// The names below the share.
    public let components: [String]

    /// Reads either spelling; one separator may stand at the end. What starts like a share and is none
    /// (`\\?\UNC\…`, `\\.\pipe\…`) is refused with ``StorageError/Code/invalidArgument``.
    public init(_ text: String) throws(StorageError) {
        let path = WindowsPath(text)
        var parts: [String] = []
        if path.kind == .unc, let separator = path.units.first {
            var pieces = path.units.dropFirst(2).split(separator: separator, omittingEmptySubsequences: false)
            if pieces.last?.isEmpty == true { pieces.removeLast() }
            for piece in pieces {
                // Which names there are is the server's business; what would be a path or a pattern is refused.
                guard path.units[1] == separator,
                    (try? FileName(WindowsPath(units: Array(piece)), rules: .verbatim)) != nil
                else {
                    parts = []
                    break
                }
                parts.append(String(decoding: piece, as: UTF16.self))
            }
        }
        guard parts.count >= 2 else {
            throw StorageError(
                .invalidArgument, #""\#(text.excerpt)" is not a remote path of the form \\server\share"#)
        }
        (server, share, components) = (parts[0], parts[1], Array(parts[2...]))
    }

    /// As mount.cifs(8) takes it.
    public var posix: String { "//" + ([server, share] + components).joined(separator: "/") }

    /// In Windows spelling.
    public var description: String { #"\\"# + ([server, share] + components).joined(separator: #"\"#) }

    public static func == (a: RemotePath, b: RemotePath) -> Bool { a.posix.isIdentical(to: b.posix) }
}
