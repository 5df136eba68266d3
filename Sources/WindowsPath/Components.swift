// SPDX-License-Identifier: Apache-2.0

extension WindowsPath {
    /// The names behind the root, without the empty ones between separators.
    ///
    /// "." and ".." are among them; ``normalized()`` or ``fullPath(in:)`` first leaves only those that count.
    public var components: [WindowsPath] { names.map { WindowsPath(units: $0) } }

    var names: [ArraySlice<UInt16>] {
        let prefix = PathPrefix(of: units)
        var names: [ArraySlice<UInt16>] = []
        var start = prefix.rootEnd
        for end in prefix.rootEnd...units.count where end == units.count || prefix.isSeparator(units[end]) {
            if start < end { names.append(units[start..<end]) }
            start = end + 1
        }
        return names
    }
}
