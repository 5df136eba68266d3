// SPDX-License-Identifier: Apache-2.0

/// Why a path has no full path.
public enum FullPathFault: Error, Sendable, Hashable {
    /// There is nothing but blanks, if that.
    case empty
    /// Win32 takes texts that end in NUL, so it would read another path.
    case holdsNUL(at: Int)
    /// More than 32,767 units, which is what a text of the system can hold.
    case tooLong(units: Int)
}

extension WindowsPath {
    /// The path that Win32 goes to for this one, as `GetFullPathNameW` returns it. Nothing is looked up.
    ///
    /// - A relative path starts from the current directory, its drive's or its drive's root.
    /// - Runs of separators become one backslash; "." and ".." are followed, never above the drive, the
    ///   share or the namespace of devices (`\\.\`).
    /// - A name that a separator follows loses a dot at its end, unless that follows another dot. From a
    ///   path that does not end in a separator, all dots and blanks at its end are taken.
    /// - A last name that is a device's, with any extension, makes the whole path `\\.\` and the device. Windows 11
    ///   does so for less; these are the rules up to Windows 10.
    /// - A verbatim path is left alone, as it is wherever Win32 opens a file. (Asked for explicitly,
    ///   `GetFullPathNameW` resolves even that.)
    ///
    /// Linear in the lengths of path and directory, and the result is all that it allocates.
    ///
    /// Sources: Microsoft, "GetFullPathNameW", "File path formats on Windows systems", "Naming Files, Paths,
    /// and Namespaces". The second says that `COM1.TXT\file1.txt` is `\\.\COM1`; on Windows the
    /// last name decides, and so it does here. What they leave open is as the tests' tables say.
    public func fullPath(in directories: CurrentDirectories) throws(FullPathFault) -> WindowsPath {
        guard units.contains(where: { $0 != .blank }) else { throw .empty }
        if let offset = units.firstIndex(of: 0) { throw .holdsNUL(at: offset) }
        let prefix = PathPrefix(of: units)
        let full = prefix.isVerbatim ? units : device(behind: prefix) ?? resolved(behind: prefix, in: directories)
        guard full.count <= LengthLimit.extended.units else { throw .tooLong(units: full.count) }
        return WindowsPath(units: full)
    }

    /// `\\.\nul`, if the last name is a device's. On a share and among devices no name is.
    private func device(behind prefix: PathPrefix) -> [UInt16]? {
        guard prefix.kind != .unc, prefix.kind != .localDevice else { return nil }
        var start = units.count
        while start > prefix.rootEnd, !units[start - 1].isSeparator { start -= 1 }
        guard let device = DeviceName.device(in: units[start...]) else { return nil }
        return [.backslash, .backslash, .dot, .backslash] + device
    }

    private func resolved(behind prefix: PathPrefix, in directories: CurrentDirectories) -> [UInt16] {
        var (stack, start) = ComponentStack.base(of: units, behind: prefix, in: directories)
        while start < units.count {
            var end = start
            while end < units.count, !units[end].isSeparator { end += 1 }
            let name = units[start..<end]
            switch Step(name) {
            case .stay: break
            case .climb: stack.climb()
            case .name: stack.append(end < units.count ? name.withoutLoneDot : name)
            }
            start = end + 1
        }
        if units.last?.isSeparator == true { stack.close() } else { stack.trimEnd() }
        return stack.finished()
    }
}

extension ArraySlice<UInt16> {
    /// The name without a dot at its end, unless that follows another dot.
    fileprivate var withoutLoneDot: Self {
        last == .dot && dropLast().last != .dot ? dropLast() : self
    }
}
