// SPDX-License-Identifier: Apache-2.0

extension WindowsPath {
    /// The kind of a path, by its start. Every path has exactly one kind.
    ///
    /// Sources: Microsoft, "File path formats on Windows systems" and "Naming Files, Paths, and Namespaces".
    package enum Kind: Sendable, Hashable, CaseIterable {
        /// `C:\x`. Any unit but a separator counts as the drive: Win32 does not ask whether it is a letter.
        case driveAbsolute
        /// `C:x` or `C:`, from the current directory of that drive.
        case driveRelative
        /// `\x`, from the root of the current drive or share.
        case rooted
        /// `x` and the empty path, from the current directory.
        case relative
        /// `\\server\share\x`, and all else that starts with two separators.
        case unc
        /// `\\.\x`, and `//?/x`: only `\\?\` in backslashes is verbatim.
        case localDevice
        /// `\\?\x`: handed on as it is. Here `/` is no separator, and `.` and `..` are names.
        case verbatim
        /// `\\?\UNC\server\share\x`
        case verbatimUNC
        /// `\\?\Volume{01234567-89ab-cdef-0123-456789abcdef}\x`
        case volumeGUID
        /// `\??\x`, the object manager's own spelling. `GetFullPathNameW` does not know it and takes it for
        /// a rooted path, as does ntpath; all that takes paths apart or resolves them here does the same.
        case nt

        /// Whether the path is in verbatim spelling, where the backslash alone separates.
        package var isVerbatim: Bool {
            switch self {
            case .verbatim, .verbatimUNC, .volumeGUID: true
            default: false
            }
        }
    }

    package var kind: Kind { PathPrefix(of: units).kind }
}
