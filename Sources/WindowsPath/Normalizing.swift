// SPDX-License-Identifier: Apache-2.0

extension WindowsPath {
    /// The path without needless parts: backslashes throughout, runs of them as one, no ".", and ".."
    /// only where a relative path starts with it. The empty path becomes ".", a trailing separator goes.
    /// Linear in the path's length, and the result is all that it allocates.
    ///
    /// A verbatim path is returned as it is, because "." and ".." are names in it. `.\c:x` keeps its dot:
    /// `c:x` is another path.
    ///
    /// Sources: `ntpath.normpath` of Python 3.13; for those two Microsoft, "File path formats on Windows
    /// systems", which ntpath does not follow.
    public func normalized() -> WindowsPath {
        let prefix = PathPrefix(of: units)
        if prefix.isVerbatim { return self }
        let isRooted = prefix.rootEnd > prefix.driveEnd
        var root: [UInt16] = []
        root.reserveCapacity(max(units.count, 1))
        for unit in units[..<prefix.rootEnd] { root.append(unit == .slash ? .backslash : unit) }
        let floor = root.count
        var stack = ComponentStack(consume root, floor: floor, rootNeedsSeparator: false)

        var start = prefix.rootEnd
        while start < units.count {
            var end = start
            while end < units.count, !units[end].isSeparator { end += 1 }
            let name = units[start..<end]
            switch Step(name) {
            case .stay: break
            case .name: stack.append(name)
            case .climb where isRooted || !stack.isAtRoot: stack.climb()
            case .climb: stack.appendClimb()
            }
            start = end + 1
        }
        var normal = stack.finished()
        if prefix.kind == .relative { normal.keepRelative() }
        if normal.isEmpty { normal.append(.dot) }
        return WindowsPath(units: normal)
    }
}
