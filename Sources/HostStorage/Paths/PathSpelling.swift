// SPDX-License-Identifier: Apache-2.0

/// A path taken apart by the rules of the spelling it is in.
///
/// Works on UTF-8, never on characters: a combining mark behind a separator would make one character of
/// both, and the separator would be overlooked.
enum PathSpelling: Hashable {
    /// `/a/b`
    case posix([String])
    /// `C:\a\b`
    case windows(drive: Character, [String])
    /// `\a\b`
    case windowsDriveless([String])

    init(_ text: String) throws(StorageError) {
        let bytes = text.utf8
        guard let first = bytes.first else { throw StorageError(.invalidArgument, "the path is empty") }
        if let control = bytes.first(where: { $0 < 0x20 || $0 == 0x7F }) {
            throw StorageError(.invalidArgument, "the path holds the control character \(control)")
        }

        switch first {
        case UInt8(ascii: "/"):
            self = try Self.posix(text)
        case Self.backslash:
            if bytes.dropFirst().first == Self.backslash {
                throw StorageError(.invalidArgument, "unsupported UNC or device path: \(text.excerpt)")
            }
            self = .windowsDriveless(try Self.windowsComponents(bytes.dropFirst(), of: text))
        default:
            let letter = Character(UnicodeScalar(first))
            guard letter.isASCII, letter.isLetter, bytes.dropFirst().starts(with: ":\\".utf8) else {
                throw StorageError(.invalidArgument, "not an absolute path: \(text.excerpt)")
            }
            self = .windows(
                drive: Character(letter.uppercased()),
                try Self.windowsComponents(bytes.dropFirst(3), of: text))
        }
    }

    /// Takes an absolute POSIX path apart; repeated separators count once.
    static func posix(_ text: String) throws(StorageError) -> PathSpelling {
        let bytes = text.utf8
        guard bytes.first == UInt8(ascii: "/"), bytes.dropFirst().first != UInt8(ascii: "/") else {
            throw StorageError(.invalidArgument, "not an absolute path: \(text.excerpt)")
        }
        guard bytes.count < 4096 else {
            throw StorageError(.invalidArgument, "path length \(bytes.count) exceeds maximum characters: 4095")
        }
        var components: [String] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) {
            let name = String(Substring(part))
            if name == "." || name == ".." || part.contains(backslash) || part.contains(0) {
                throw StorageError(.invalidArgument, "path contains invalid characters: \(text.excerpt)")
            }
            try refuseLong(part)
            components.append(name)
        }
        return .posix(components)
    }

    /// The kernel's limit, NAME_MAX, whatever the spelling.
    private static func refuseLong(_ name: Substring.UTF8View) throws(StorageError) {
        guard name.count <= 255 else {
            throw StorageError(.invalidArgument, "a name of \(name.count) bytes exceeds the maximum of 255")
        }
    }

    var components: [String] {
        switch self {
        case .posix(let components), .windows(_, let components), .windowsDriveless(let components): components
        }
    }

    var isWindows: Bool {
        if case .posix = self { false } else { true }
    }

    // MARK: - Windows names

    private static let backslash = UInt8(ascii: "\\")

    /// Characters that no Windows name holds, "/" among them because a path that mixes the separators is
    /// refused, and those that a shell would act on.
    private static let refused = Set(#"<>"/:|?*$;&`"#.utf8)

    private static func windowsComponents(
        _ bytes: Substring.UTF8View, of text: String
    ) throws(StorageError) -> [String] {
        guard text.utf8.count <= 260 else {
            throw StorageError(
                .invalidArgument, "path length \(text.utf8.count) exceeds maximum characters: 260")
        }
        var parts = bytes.split(separator: backslash, omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        var components: [String] = []
        for part in parts {
            guard let last = part.last, last != UInt8(ascii: "."), last != UInt8(ascii: " "),
                !part.contains(where: refused.contains)
            else {
                throw StorageError(.invalidArgument, "path contains invalid characters: \(text.excerpt)")
            }
            let name = String(Substring(part))
            try refuseLong(part)
            if isReservedDevice(name) {
                throw StorageError(.invalidArgument, "path names the device \(name): \(text.excerpt)")
            }
            components.append(name)
        }
        return components
    }

    /// Whether Windows would open a device instead of a file of this name, whatever its extension.
    ///
    /// Source: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
    private static func isReservedDevice(_ name: String) -> Bool {
        let base = name.utf8.prefix { $0 != UInt8(ascii: ".") }
        let trimmed = String(Substring(base)).uppercased().trimmingSuffix(" ")
        if ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(trimmed) { return true }
        guard trimmed.hasPrefix("COM") || trimmed.hasPrefix("LPT") else { return false }
        let digits = trimmed.dropFirst(3)
        return digits.count == 1 && digits.allSatisfy("0123456789\u{B9}\u{B2}\u{B3}".contains)
    }
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> Substring {
        var rest = self[...]
        while rest.last == character { rest.removeLast() }
        return rest
    }
}
