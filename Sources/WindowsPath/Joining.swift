// SPDX-License-Identifier: Apache-2.0

extension WindowsPath {
    /// The path that results from going along each of the others in turn. A rooted one starts over on the
    /// drive that was reached, one on another drive starts over altogether.
    ///
    /// Source: `ntpath.join` of Python 3.13. Drives compare as by ``==(_:_:)``.
    public func joining(_ others: WindowsPath...) -> WindowsPath {
        joining(others)
    }

    public func joining(_ others: [WindowsPath]) -> WindowsPath {
        var prefix = PathPrefix(of: units)
        var drive = units[..<prefix.driveEnd]
        var root = units[prefix.driveEnd..<prefix.rootEnd]
        var tail = Array(units[prefix.rootEnd...])
        for other in others.map(\.units) {
            let next = PathPrefix(of: other)
            let nextDrive = other[..<next.driveEnd]
            let nextTail = other[next.rootEnd...]
            if next.rootEnd > next.driveEnd {
                if !nextDrive.isEmpty || drive.isEmpty { (drive, prefix) = (nextDrive, next) }
                root = other[next.driveEnd..<next.rootEnd]
                tail = Array(nextTail)
                continue
            }
            if !nextDrive.isEmpty, !nextDrive.elementsEqual(drive) {
                let isSameDrive = UpcaseTable.areEqual(nextDrive, drive)
                (drive, prefix) = (nextDrive, next)
                if !isSameDrive {
                    root = []
                    tail = Array(nextTail)
                    continue
                }
            }
            if let last = tail.last, !prefix.isSeparator(last) { tail.append(.backslash) }
            tail.append(contentsOf: nextTail)
        }
        return WindowsPath(units: Self.assembled(drive: drive, root: root, tail: tail))
    }

    /// A server and share need a separator before a name, where a drive letter must not get one.
    private static func assembled(drive: ArraySlice<UInt16>, root: ArraySlice<UInt16>, tail: [UInt16]) -> [UInt16] {
        var separator: [UInt16] = []
        if root.isEmpty, !tail.isEmpty, let last = drive.last, last != .colon, !last.isSeparator {
            separator = [.backslash]
        }
        return drive + root + separator + tail
    }
}
