// SPDX-License-Identifier: Apache-2.0

/// Paths compare as NTFS compares names: unit by unit, each by its upper case in NTFS's own table. So `ß` is not `SS`,
/// `é` is not `e` and an accent, and `/` is not `\`: resolve paths by ``WindowsPath/fullPath(in:)`` first.
///
/// Source: Microsoft, "FsRtlAreNamesEqual": both names are put in upper case by the volume's table of units, and
/// then compared. The table: see ``UpcaseTable``.
extension WindowsPath: Comparable, Hashable {
    public static func == (a: WindowsPath, b: WindowsPath) -> Bool {
        UpcaseTable.areEqual(a.units[...], b.units[...])
    }

    /// The order of upper-case units, which is that of an NTFS directory. Of two that are equal as far as the
    /// shorter goes, the shorter comes first.
    public static func < (a: WindowsPath, b: WindowsPath) -> Bool {
        a.units.lexicographicallyPrecedes(b.units) { UpcaseTable.upcase($0) < UpcaseTable.upcase($1) }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(units.count)
        for unit in units { hasher.combine(UpcaseTable.upcase(unit)) }
    }

    /// Whether the two are the same unit for unit, in case as well.
    public func isIdentical(to other: WindowsPath) -> Bool { units == other.units }
}
