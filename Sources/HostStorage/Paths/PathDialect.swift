// SPDX-License-Identifier: Apache-2.0

/// Which spellings of paths callers may use, and which spelling answers have: in errors, as the subjects of operations,
/// as holders.
@nonexhaustive public enum PathDialect: String, Sendable, Hashable, CaseIterable {
    /// `C:\a\b` alone, in answers too.
    case windows
    /// `/a/b` alone.
    case posix
    /// Either spelling. Answers have paths as the host spells them, in POSIX spelling.
    case both
}
