// SPDX-License-Identifier: Apache-2.0

/// The one door for paths: every path of a caller, in Windows or POSIX spelling, becomes a ``HostPath``
/// here or is refused.
///
/// Drives map to host directories. A path must lie beneath a root, compared name by name, so that
/// `/var/lib/kubelet-evil` is not within `/var/lib/kubelet`. Names that Windows or a careless consumer of
/// the path could take for something else (devices, streams, shell text) are refused in Windows spelling.
public struct PathPolicy: Sendable {
    /// The roots as absolute paths of the host, in the order given.
    public let roots: [String]
    private let rootComponents: [[String]]
    private let drives: [Character: [String]]

    /// How a path that starts with one backslash and has no drive is taken. Drivers send such paths to
    /// the volume methods and to the link test; csi-proxy refuses them in all others.
    public enum DrivelessPaths: Sendable { case refused, onDriveC }

    /// - Parameters:
    ///   - roots: directories in either spelling. The list must not be empty, and "/" is no root.
    ///   - drives: letters and the host directories that they stand for; `C` is "/" unless given.
    public init(roots: [String], drives: [Character: String] = [:]) throws(StorageError) {
        var map: [Character: [String]] = ["C": []]
        for (letter, directory) in drives {
            guard letter.isASCII, letter.isLetter, let drive = letter.uppercased().first else {
                throw StorageError(.invalidArgument, "\"\(letter)\" is not a drive letter")
            }
            map[drive] = try PathSpelling.posix(directory).components
        }
        self.drives = map

        guard !roots.isEmpty else { throw StorageError(.invalidArgument, "there is no root directory") }
        var rootComponents: [[String]] = []
        for root in roots {
            let components = try Self.hostComponents(of: PathSpelling(root), drives: map, text: root)
            guard !components.isEmpty else {
                throw StorageError(.invalidArgument, "the root directory \"\(root.excerpt)\" is the whole host")
            }
            rootComponents.append(components)
        }
        self.rootComponents = rootComponents
        self.roots = rootComponents.map { "/" + $0.joined(separator: "/") }
    }

    /// The place that `text` names. Malformed paths are ``StorageError/Code/invalidArgument``, places
    /// outside every root ``StorageError/Code/denied``.
    public func resolve(_ text: String, driveless: DrivelessPaths = .refused) throws(StorageError) -> HostPath {
        let spelling = try PathSpelling(text)
        if case .windowsDriveless = spelling, driveless == .refused {
            throw StorageError(.invalidArgument, "invalid character \\ at beginning of path: \(text.excerpt)")
        }
        let components = try Self.hostComponents(of: spelling, drives: drives, text: text)
        return try place(components, foldingCase: spelling.isWindows, text: text)
    }

    /// The place that an absolute path of the host names, such as the text of a link.
    public func place(hostPath text: String) throws(StorageError) -> HostPath {
        try place(try PathSpelling.posix(text).components, foldingCase: false, text: text)
    }

    private func place(
        _ components: [String], foldingCase: Bool, text: String
    ) throws(StorageError) -> HostPath {
        let candidates = rootComponents.indices.filter { index in
            let root = rootComponents[index]
            return components.count >= root.count
                && zip(root, components).allSatisfy { Self.isSame($0, $1, foldingCase: foldingCase) }
        }
        guard let best = candidates.max(by: { rootComponents[$0].count < rootComponents[$1].count }) else {
            throw StorageError(
                .denied, "path: \(text.excerpt) is not within the working directories: \(roots.joined(separator: ", "))"
            )
        }
        return HostPath(
            root: roots[best], components: Array(components.dropFirst(rootComponents[best].count)))
    }

    private static func hostComponents(
        of spelling: PathSpelling, drives: [Character: [String]], text: String
    ) throws(StorageError) -> [String] {
        switch spelling {
        case .posix(let components): return components
        case .windowsDriveless(let components): return (drives["C"] ?? []) + components
        case .windows(let drive, let components):
            guard let directory = drives[drive] else {
                throw StorageError(.denied, "path: \(text.excerpt) is on drive \(drive):, which maps to no directory")
            }
            return directory + components
        }
    }

    /// Byte for byte, or with ASCII letters folded.
    private static func isSame(_ a: String, _ b: String, foldingCase: Bool) -> Bool {
        guard foldingCase else { return a.isIdentical(to: b) }
        return a.utf8.lazy.map(lowercase).elementsEqual(b.utf8.lazy.map(lowercase))
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
