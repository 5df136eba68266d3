// SPDX-License-Identifier: Apache-2.0

/// Why Win32 would not open a path, whether it is on the disk or not.
public enum PathFault: Error, Sendable, Hashable {
    /// More units than the limit has.
    case tooLong(units: Int, limit: LengthLimit)
    /// The fault of a name, and its index: 0 is the first behind the root.
    case name(NameFault, index: Int)
}

extension WindowsPath {
    /// Makes sure that the names behind the root are ones that NTFS holds and the path is not too long.
    /// The last name may name a stream.
    ///
    /// "." and ".." pass, and so do runs of separators, but for verbatim paths, where they are names.
    /// Servers, shares and devices are not judged: their names are not the file system's.
    public func check(limit: LengthLimit) throws(PathFault) {
        guard units.count <= limit.units else { throw .tooLong(units: units.count, limit: limit) }
        let prefix = PathPrefix(of: units)
        let tail = units[prefix.rootEnd...]
        var names = tail.split(omittingEmptySubsequences: false, whereSeparator: prefix.isSeparator)
        // One separator at the end is none that a name should follow.
        if names.last?.isEmpty == true { names.removeLast() }
        for (index, name) in names.enumerated() {
            if !prefix.isVerbatim {
                guard case .name = Step(name) else { continue }
            }
            // Of the whole path Win32 takes dots and blanks away, and so from the end of a stream.
            if !prefix.isVerbatim, name.contains(.colon), name.last == .dot || name.last == .blank {
                throw .name(.endsInDotOrBlank, index: index)
            }
            do {
                _ = try FileName(
                    WindowsPath(units: name), rules: prefix.isVerbatim ? .verbatim : .win32,
                    allowingStream: index == names.count - 1)
            } catch {
                throw .name(error, index: index)
            }
        }
    }
}
