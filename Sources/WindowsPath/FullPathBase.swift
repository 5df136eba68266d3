// SPDX-License-Identifier: Apache-2.0

extension ComponentStack {
    /// The units that a path's names are appended to for its full path, and the offset of the first name.
    ///
    /// - Precondition: the path is not verbatim.
    static func base(
        of path: [UInt16], behind prefix: PathPrefix, in directories: CurrentDirectories
    ) -> (stack: ComponentStack, start: Int) {
        let directory: ArraySlice<UInt16>
        switch prefix.kind {
        case .unc: return share(of: path)
        case .localDevice: return (device(of: path), 3)
        case .driveAbsolute: return (drive(of: path), prefix.rootEnd)
        case .driveRelative:
            guard let last = directories.directory(onDrive: path[0]) else { return (drive(of: path), prefix.rootEnd) }
            directory = last.units[...]
        case .relative: directory = directories.current.units[...]
        case .rooted, .nt: directory = directories.rootOfCurrent
        case .verbatim, .verbatimUNC, .volumeGUID: preconditionFailure("a verbatim path is left alone")
        }
        var units: [UInt16] = []
        units.reserveCapacity(directory.count + path.count + 1)
        units.append(contentsOf: directory)
        let root = endOfRoot(ofFullPath: directory)
        let isShare = directory[0] == .backslash
        return (
            ComponentStack(consume units, floor: root, rootNeedsSeparator: isShare, isShare: isShare), prefix.rootEnd
        )
    }

    /// The offset behind `C:\` or `\\server\share`.
    ///
    /// - Precondition: it is the full path of something on a drive or a share.
    static func endOfRoot(ofFullPath path: ArraySlice<UInt16>) -> Int {
        path[0] == .backslash ? share(in: path).share.upperBound : 3
    }

    private static func drive(of path: [UInt16]) -> ComponentStack {
        var units: [UInt16] = []
        units.reserveCapacity(path.count + 1)
        units.append(path[0])
        units.append(.colon)
        units.append(.backslash)
        return ComponentStack(consume units, floor: 3, rootNeedsSeparator: false)
    }

    /// `\\.\` or, for `//?/`, `\\?\`: ".." takes even the device away.
    private static func device(of path: [UInt16]) -> ComponentStack {
        var units: [UInt16] = []
        units.reserveCapacity(path.count + 1)
        units.append(.backslash)
        units.append(.backslash)
        units.append(path[2])
        units.append(.backslash)
        return ComponentStack(consume units, floor: 4, rootNeedsSeparator: false)
    }

    /// Server and share, with one separator between them. They are left as they are spelled: "..", too,
    /// would be the name of a share.
    private static func share(of path: [UInt16]) -> (stack: ComponentStack, start: Int) {
        let (server, share) = share(in: path[...])
        var units: [UInt16] = []
        units.reserveCapacity(path.count + 1)
        units.append(.backslash)
        units.append(.backslash)
        units.append(contentsOf: path[server])
        if !share.isEmpty {
            units.append(.backslash)
            units.append(contentsOf: path[share])
        }
        let floor = units.count
        return (ComponentStack(consume units, floor: floor, rootNeedsSeparator: true, isShare: true), share.upperBound)
    }

    private static func share(in path: ArraySlice<UInt16>) -> (server: Range<Int>, share: Range<Int>) {
        var serverEnd = 2
        while serverEnd < path.endIndex, !path[serverEnd].isSeparator { serverEnd += 1 }
        var shareStart = serverEnd
        while shareStart < path.endIndex, path[shareStart].isSeparator { shareStart += 1 }
        var shareEnd = shareStart
        while shareEnd < path.endIndex, !path[shareEnd].isSeparator { shareEnd += 1 }
        return (2..<serverEnd, shareStart..<shareEnd)
    }
}
