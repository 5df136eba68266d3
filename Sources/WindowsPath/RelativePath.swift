// SPDX-License-Identifier: Apache-2.0

/// Why no relative path leads from one place to another.
public enum RelativePathFault: Error, Sendable, Hashable {
    /// One of the two has no full path.
    case unresolved(FullPathFault)
    case differentDrives
}

extension WindowsPath {
    /// The relative path that leads from a directory to this one; "." when they are the same. Both are
    /// resolved by ``fullPath(in:)`` first and compared name by name as ``==(_:_:)`` does.
    ///
    /// Source: `ntpath.relpath` of Python 3.13, which on Windows resolves by `GetFullPathNameW` too.
    public func relative(
        to start: WindowsPath, in directories: CurrentDirectories
    ) throws(RelativePathFault) -> WindowsPath {
        let from = try start.resolved(in: directories)
        let to = try resolved(in: directories)
        guard UpcaseTable.areEqual(from.drive, to.drive) else { throw .differentDrives }
        let (fromNames, toNames) = (from.names, to.names)
        let shared = zip(fromNames, toNames).prefix { UpcaseTable.areEqual($0, $1) }.count
        let climbs = repeatElement(ArraySlice<UInt16>([.dot, .dot]), count: fromNames.count - shared)
        let steps = climbs + toNames.dropFirst(shared)
        var units = Array(steps.joined(separator: [.backslash]))
        units.keepRelative()
        return WindowsPath(units: units.isEmpty ? [.dot] : units)
    }

    private func resolved(in directories: CurrentDirectories) throws(RelativePathFault) -> WindowsPath {
        do {
            return try fullPath(in: directories)
        } catch {
            throw .unresolved(error)
        }
    }

    private var drive: ArraySlice<UInt16> { units[..<PathPrefix(of: units).driveEnd] }
}
