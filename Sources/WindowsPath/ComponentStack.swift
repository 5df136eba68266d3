// SPDX-License-Identifier: Apache-2.0

/// A path being written name by name: one array, in which ".." cuts the last name off again.
struct ComponentStack {
    private var units: [UInt16]
    /// Units before this offset always stay.
    private var floor: Int
    private var rootNeedsSeparator: Bool
    private var needsSeparator: Bool
    /// Whether the root is a server and a share.
    private let isShare: Bool

    /// - Parameters:
    ///   - units: the path so far, with room reserved for all that follows.
    ///   - floor: how much of it is the root, which no ".." takes away.
    ///   - rootNeedsSeparator: whether the first name behind the root is set off from it.
    ///   - isShare: whether the root is a server and a share.
    init(_ units: consuming [UInt16], floor: Int, rootNeedsSeparator: Bool, isShare: Bool = false) {
        self.isShare = isShare
        needsSeparator = units.count > floor || rootNeedsSeparator
        self.units = units
        self.floor = floor
        self.rootNeedsSeparator = rootNeedsSeparator
    }

    var isAtRoot: Bool { units.count == floor }

    mutating func append(_ name: ArraySlice<UInt16>) {
        if needsSeparator { units.append(.backslash) }
        units.append(contentsOf: name)
        needsSeparator = true
    }

    /// Cuts the last name off; does nothing at the root.
    mutating func climb() {
        var start = units.count
        while start > floor, units[start - 1] != .backslash { start -= 1 }
        // The separator before the name goes too, unless it is the root's.
        units.removeLast(units.count - max(start - 1, floor))
        if isAtRoot { needsSeparator = rootNeedsSeparator }
    }

    /// Appends a ".." without a name before it; later names cannot take it away.
    mutating func appendClimb() {
        if needsSeparator { units.append(.backslash) }
        units.append(.dot)
        units.append(.dot)
        needsSeparator = true
        floor = units.count
        rootNeedsSeparator = true
    }

    /// Takes dots and blanks from the end. Of a name that is nothing else, the separator before it stays.
    /// Server and share are no exception: `//..` is `\\`.
    mutating func trimEnd() {
        let floor = isShare ? 2 : floor
        while units.count > floor, let last = units.last, last == .dot || last == .blank { units.removeLast() }
    }

    /// The path, handed over without a copy.
    consuming func finished() -> [UInt16] { units }

    /// Ends the path in a separator.
    mutating func close() {
        if units.last != .backslash { units.append(.backslash) }
    }
}
