// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// A path taken apart by the rules of the spelling it is in.
///
/// Works on UTF-8 and UTF-16 units, never on characters: a combining mark behind a separator would make
/// one character of both, and the separator would be overlooked.
enum PathSpelling: Hashable {
    /// `/a/b`
    case posix([String])
    /// `C:\a\b`
    case windows(drive: Character, [String])
    /// `\a\b`, and in the Windows dialect `/a/b`
    case windowsDriveless([String])

    init(
        _ text: String, dialect: PathDialect = .both, driveless: PathPolicy.DrivelessPaths = .onDriveC,
        deviceNames: PathPolicy.DeviceNames = .windows10
    ) throws(StorageError) {
        if let control = text.utf8.first(where: { $0 < 0x20 || $0 == 0x7F }) {
            throw StorageError(.invalidArgument, "the path holds the control character \(control)")
        }
        let isPosix = text.utf8.first == UInt8(ascii: "/")
        switch dialect {
        case .posix: self = try Self.posix(text)
        case .both where isPosix: self = try Self.posix(text)
        case .both, .windows: self = try Self.windows(text, dialect, driveless, deviceNames)
        }
    }

    /// Takes an absolute POSIX path apart; repeated separators count once.
    static func posix(_ text: String) throws(StorageError) -> PathSpelling {
        let view = text.utf8
        let bytes = view.span
        guard bytes.count > 0, bytes[0] == slash, bytes.count == 1 || bytes[1] != slash else {
            throw StorageError(.invalidArgument, "not an absolute path: \(text.excerpt)")
        }
        guard bytes.count < 4096 else {
            throw StorageError(.invalidArgument, "path length \(bytes.count) exceeds maximum characters: 4095")
        }
        var components: [String] = []
        var start = 1
        var areDots = true
        for end in 1...bytes.count {
            if end < bytes.count, bytes[end] != slash {
                // No name has these.
                if bytes[end] == UInt8(ascii: "\\") || bytes[end] == 0 { throw Self.invalidCharacters(text) }
                areDots = areDots && bytes[end] == UInt8(ascii: ".")
                continue
            }
            if start < end {
                if areDots, end - start <= 2 { throw Self.invalidCharacters(text) }
                let first = view.index(view.startIndex, offsetBy: start)
                let name = String(Substring(view[first..<view.index(first, offsetBy: end - start)]))
                try refuseLong(name)
                components.append(name)
            }
            start = end + 1
            areDots = true
        }
        return .posix(components)
    }

    private static let slash = UInt8(ascii: "/")

    /// The names of an absolute path that has been taken apart before.
    static func names(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
    }

    var components: [String] {
        switch self {
        case .posix(let components), .windows(_, let components), .windowsDriveless(let components): components
        }
    }

    var isWindows: Bool {
        if case .posix = self { false } else { true }
    }

    /// The kernel's limit, NAME_MAX, for every spelling.
    private static func refuseLong(_ name: String) throws(StorageError) {
        guard name.utf8.count <= 255 else {
            throw StorageError(.invalidArgument, "a name of \(name.utf8.count) bytes exceeds the maximum of 255")
        }
    }

    private static func invalidCharacters(_ text: String) -> StorageError {
        StorageError(.invalidArgument, "path contains invalid characters: \(text.excerpt)")
    }

    // MARK: - Windows

    /// The checks of csi-proxy's validator in its order, so that a path is refused for the same reason.
    ///
    /// Source: github.com/kubernetes-csi/csi-proxy, pkg/server/filesystem/server.go.
    private static func windows(
        _ text: String, _ dialect: PathDialect, _ driveless: PathPolicy.DrivelessPaths,
        _ deviceNames: PathPolicy.DeviceNames
    ) throws(StorageError) -> PathSpelling {
        let path = WindowsPath(text)
        // A path without a drive is as long as it is with one.
        let count = text.utf8.count + (path.kind == .rooted ? 2 : 0)
        guard count <= 260 else {
            throw StorageError(.invalidArgument, "path length \(count) exceeds maximum characters: 260")
        }
        // csi-proxy does not look at the paths of the methods that take them without a drive; Windows takes either
        // separator there.
        let separators: Set<UInt16> = driveless == .onDriveC ? [backslash, UInt16(ascii: "/")] : [backslash]
        switch path.kind {
        case .driveAbsolute:
            let letter = UnicodeScalar(path.units[0]).map(Character.init)
            guard let letter, letter.isASCII, letter.isLetter, separators.contains(path.units[2]) else { break }
            return .windows(
                drive: Character(letter.uppercased()), try names(of: path, separators, deviceNames, text))
        case .rooted, .nt:
            if driveless == .onDriveC {
                return .windowsDriveless(try names(of: path, separators, deviceNames, text))
            }
        case .unc, .localDevice, .verbatim, .verbatimUNC, .volumeGUID:
            if driveless == .onDriveC {
                throw StorageError(.invalidArgument, "unsupported UNC path prefix: \(text.excerpt)")
            }
        case .driveRelative, .relative: break
        }
        if path.units.first == backslash {
            throw StorageError(.invalidArgument, #"invalid character \ at beginning of path: \#(text.excerpt)"#)
        }
        // Where both spellings are taken, a relative path need not have been meant for a Windows one.
        if dialect == .windows || path.kind != .relative, path.units.contains(where: neverInAName.contains) {
            throw invalidCharacters(text)
        }
        let kind = dialect == .windows ? "absolute Windows path" : "absolute path"
        throw StorageError(.invalidArgument, "not an \(kind): \(text.excerpt)")
    }

    private static let backslash = UInt16(ascii: "\\")
    private static let neverInAName = Set(#""/:?*|"#.utf16)

    /// Characters that Windows permits in names, and that a shell would act on.
    private static let actedOnByShells = Set("$;&`".utf16)

    /// The names below the root. Refuses names that Windows takes for anything else.
    private static func names(
        of path: WindowsPath, _ separators: Set<UInt16>, _ deviceNames: PathPolicy.DeviceNames, _ text: String
    ) throws(StorageError) -> [String] {
        var parts = path.splitRoot().tail.split(
            omittingEmptySubsequences: false, whereSeparator: separators.contains)
        if parts.last?.isEmpty == true { parts.removeLast() }
        var names: [String] = []
        for part in parts {
            let name = String(decoding: part, as: UTF16.self)
            try refuseLong(name)
            if part.contains(where: actedOnByShells.contains) { throw invalidCharacters(text) }
            do throws(NameFault) {
                try FileName.check(part, rules: deviceNames.rules)
            } catch .device {
                throw StorageError(.invalidArgument, "path names the device \(name): \(text.excerpt)")
            } catch {
                throw invalidCharacters(text)
            }
            names.append(name)
        }
        return names
    }
}

extension UInt16 {
    fileprivate init(ascii scalar: Unicode.Scalar) { self = UInt16(UInt8(ascii: scalar)) }
}
