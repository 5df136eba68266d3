// SPDX-License-Identifier: Apache-2.0

/// Why paths have no directory in common.
public enum CommonPathFault: Error, Sendable, Hashable {
    case noPaths
    case differentDrives
    /// Some start at the root of their drive and some do not.
    case rootedAndUnrooted
}

extension WindowsPath {
    /// The longest path that all of these start with, name by name, in the first one's spelling: with
    /// backslashes, without "." and without a separator at its end. Nothing is resolved, so ".." counts as
    /// a name. Names are compared as ``==(_:_:)`` does.
    ///
    /// Source: `ntpath.commonpath` of Python 3.13, which compares lower-case letters of Python's instead.
    public static func common(of paths: [WindowsPath]) throws(CommonPathFault) -> WindowsPath {
        guard let first = paths.first.map(Parts.init) else { throw .noPaths }
        let others = paths.dropFirst().map(Parts.init)
        guard others.allSatisfy({ UpcaseTable.areEqual($0.drive, first.drive) }) else { throw .differentDrives }
        guard others.allSatisfy({ $0.isRooted == first.isRooted }) else { throw .rootedAndUnrooted }
        var shared = first.names.count
        for other in others {
            shared = zip(first.names.prefix(shared), other.names).prefix { UpcaseTable.areEqual($0, $1) }.count
        }
        let root: [UInt16] = first.isRooted ? [.backslash] : []
        var units = first.drive + root + first.names.prefix(shared).joined(separator: [.backslash])
        if first.drive.isEmpty, !first.isRooted { units.keepRelative() }
        return WindowsPath(units: units)
    }

    /// A path in backslashes, without ".".
    private struct Parts {
        let drive: [UInt16]
        let isRooted: Bool
        let names: [ArraySlice<UInt16>]

        init(_ path: WindowsPath) {
            let prefix = PathPrefix(of: path.units)
            drive = path.units[..<prefix.driveEnd].map { prefix.isSeparator($0) ? .backslash : $0 }
            isRooted = prefix.rootEnd > prefix.driveEnd
            names = path.names.filter { !$0.elementsEqual([.dot]) }
        }
    }
}
