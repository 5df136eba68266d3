// SPDX-License-Identifier: Apache-2.0

/// Which spellings of paths callers may use, and in which one paths are told to them: in errors, as the
/// subjects of operations, as holders.
@nonexhaustive public enum PathDialect: String, Sendable, Hashable, CaseIterable {
    /// `C:\a\b` alone, and so in what callers are told.
    case windows
    /// `/a/b` alone.
    case posix
    /// Either spelling. Callers are told paths as the host spells them, in POSIX spelling.
    case both
}
