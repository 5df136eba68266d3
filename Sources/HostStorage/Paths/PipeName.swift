// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// The name of a named pipe. On Linux it stands for the socket of that name in the directory of the
/// sockets: `\\.\pipe\csi-proxy-disk-v1` is `/run/csi-proxy/csi-proxy-disk-v1`.
public struct PipeName: Sendable, Hashable, CustomStringConvertible {
    /// The name without its namespace; one that is also a name of a file on Windows and on Linux.
    public let name: String

    /// Reads `\\.\pipe\name`, "pipe" in either case.
    public init(_ text: String) throws(StorageError) {
        let path = WindowsPath(text)
        let (drive, _, tail) = path.splitRoot()
        guard path.kind == .localDevice, drive == #"\\.\pipe"#, let name = Self.name(of: tail) else {
            throw StorageError(.invalidArgument, #""\#(text.excerpt)" is not a pipe of the form \\.\pipe\name"#)
        }
        self.name = name
    }

    /// The pipe that the socket `path` in `directory` stands for, both absolute paths of the host.
    public init(socket path: String, in directory: String) throws(StorageError) {
        let (socket, holder) = (try PathSpelling.posix(path), try PathSpelling.posix(directory))
        guard socket.components.dropLast().elementsEqual(holder.components, by: { $0.isIdentical(to: $1) }),
            let last = socket.components.last, let name = Self.name(of: WindowsPath(last))
        else {
            throw StorageError(
                .invalidArgument, "\"\(path.excerpt)\" is not a socket in \(directory.excerpt) that a pipe could name")
        }
        self.name = name
    }

    /// The absolute path of the socket in `directory`.
    public func socket(in directory: String) -> String {
        directory.hasSuffix("/") ? directory + name : "\(directory)/\(name)"
    }

    public var description: String { #"\\.\pipe\"# + name }

    public static func == (a: PipeName, b: PipeName) -> Bool { a.name.isIdentical(to: b.name) }

    private static func name(of tail: WindowsPath) -> String? {
        guard (try? FileName(tail)) != nil, let name = try? tail.text(), name.utf8.count <= 255 else { return nil }
        return name
    }
}
