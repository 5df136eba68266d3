// SPDX-License-Identifier: Apache-2.0

/// Parts of a path as Python's ntpath sees them. The parts' units, put together, are the path's.
///
/// Source: Python's documentation of `os.path` and the behaviour of ntpath in Python 3.13. It takes `/`
/// for a separator in verbatim paths as well; Win32 does not, and neither does this.
extension WindowsPath {
    /// The drive (`C:`, `\\server\share`, `\\?\UNC\server\share`), the one separator that is the root, and
    /// the rest. The first two may be empty.
    public func splitRoot() -> (drive: WindowsPath, root: WindowsPath, tail: WindowsPath) {
        let prefix = PathPrefix(of: units)
        return (
            WindowsPath(units: units[..<prefix.driveEnd]),
            WindowsPath(units: units[prefix.driveEnd..<prefix.rootEnd]),
            WindowsPath(units: units[prefix.rootEnd...])
        )
    }

    /// The drive, and all that follows it.
    public func splitDrive() -> (drive: WindowsPath, rest: WindowsPath) {
        let driveEnd = PathPrefix(of: units).driveEnd
        return (WindowsPath(units: units[..<driveEnd]), WindowsPath(units: units[driveEnd...]))
    }

    /// The directory, without separators at its end unless they are its root, and the last name, which is
    /// empty where the path ends in a separator. The separators between the two are lost.
    public func split() -> (directory: WindowsPath, name: WindowsPath) {
        let prefix = PathPrefix(of: units)
        var nameStart = units.count
        while nameStart > prefix.rootEnd, !prefix.isSeparator(units[nameStart - 1]) { nameStart -= 1 }
        var directoryEnd = nameStart
        while directoryEnd > prefix.rootEnd, prefix.isSeparator(units[directoryEnd - 1]) { directoryEnd -= 1 }
        return (WindowsPath(units: units[..<directoryEnd]), WindowsPath(units: units[nameStart...]))
    }

    /// The path up to the extension, and the extension with its dot: what follows the last dot of the last
    /// name. Dots that a name starts with start no extension.
    public func splitExtension() -> (stem: WindowsPath, fileExtension: WindowsPath) {
        let prefix = PathPrefix(of: units)
        var nameStart = units.count
        var dot = units.count
        while nameStart > 0, !prefix.isSeparator(units[nameStart - 1]) {
            nameStart -= 1
            if units[nameStart] == .dot, dot == units.count { dot = nameStart }
        }
        if units[nameStart..<dot].allSatisfy({ $0 == .dot }) { dot = units.count }
        return (WindowsPath(units: units[..<dot]), WindowsPath(units: units[dot...]))
    }
}
