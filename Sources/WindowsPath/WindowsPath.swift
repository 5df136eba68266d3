// SPDX-License-Identifier: Apache-2.0

/// A path as Win32 spells it, in UTF-16 units. A value is the path as written: nothing resolves or folds it.
///
/// Paths are equal as NTFS compares names: unit by unit, each by its upper case in NTFS's own table. So `ß` is not `SS`,
/// `é` is not `e` and an accent, and `/` is not `\`.
///
/// Sources: Microsoft, "Naming Files, Paths, and Namespaces": to the file system a name is an opaque sequence of 16-bit
/// units; "FsRtlAreNamesEqual": both names are put in upper case by the volume's table, and then compared.
package struct WindowsPath: Sendable, Equatable {
    /// The path as it was written.
    package let units: [UInt16]

    package init(units: [UInt16]) { self.units = units }

    package init(_ text: String) { units = Array(text.utf16) }

    package static func == (a: WindowsPath, b: WindowsPath) -> Bool {
        a.units.count == b.units.count
            && zip(a.units, b.units).allSatisfy { $0 == $1 || UpcaseTable.upcase($0) == UpcaseTable.upcase($1) }
    }

    /// The drive (`C:`, `\\server\share`, `\\?\UNC\server\share`), the one separator that is the root, and the rest. The
    /// first two may be empty. Put together, they are the path.
    package func splitRoot() -> (drive: ArraySlice<UInt16>, root: ArraySlice<UInt16>, tail: ArraySlice<UInt16>) {
        let prefix = PathPrefix(of: units)
        return (units[..<prefix.driveEnd], units[prefix.driveEnd..<prefix.rootEnd], units[prefix.rootEnd...])
    }
}
