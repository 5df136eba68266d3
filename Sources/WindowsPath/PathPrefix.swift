// SPDX-License-Identifier: Apache-2.0

/// The start of a path: its kind, its drive, and the separator that is its root.
///
/// The drive is what ntpath's `splitroot` calls so: `C:`, `\\server\share`, `\\.\device`,
/// `\\?\UNC\server\share`, or nothing.
struct PathPrefix {
    let kind: WindowsPath.Kind
    /// The offset behind the drive.
    let driveEnd: Int
    /// The offset behind the root, equal to `driveEnd` where there is none.
    let rootEnd: Int

    init(of units: [UInt16]) {
        let count = units.count
        if count > 0, units[0].isSeparator {
            if count > 1, units[1].isSeparator {
                self.init(ofDoubleSeparator: units)
            } else {
                self.init(kind: Self.isNT(units) ? .nt : .rooted, driveEnd: 0, rootEnd: 1)
            }
        } else if count > 1, units[1] == .colon {
            let isAbsolute = count > 2 && units[2].isSeparator
            self.init(kind: isAbsolute ? .driveAbsolute : .driveRelative, driveEnd: 2, rootEnd: isAbsolute ? 3 : 2)
        } else {
            self.init(kind: .relative, driveEnd: 0, rootEnd: 0)
        }
    }

    private init(kind: WindowsPath.Kind, driveEnd: Int, rootEnd: Int) {
        self.kind = kind
        self.driveEnd = driveEnd
        self.rootEnd = rootEnd
    }

    private init(ofDoubleSeparator units: [UInt16]) {
        kind = Self.kind(ofDoubleSeparator: units)
        let verbatim = kind.isVerbatim
        // Two names make the drive: server and share, or the device namespace and a device; behind "UNC",
        // server and share again. ntpath knows "UNC" behind either spelling of the question mark.
        var end = Self.holds(Self.uncPrefix, units) ? Self.uncPrefix.count : 2
        var separators = 0
        while end < units.count {
            if Self.isSeparator(units[end], verbatim: verbatim) {
                separators += 1
                if separators == 2 { break }
            }
            end += 1
        }
        driveEnd = end
        rootEnd = min(end + 1, units.count)
    }

    var isVerbatim: Bool { kind.isVerbatim }

    /// Whether the unit separates names in a path of this kind.
    func isSeparator(_ unit: UInt16) -> Bool { Self.isSeparator(unit, verbatim: isVerbatim) }

    private static func isSeparator(_ unit: UInt16, verbatim: Bool) -> Bool {
        unit == .backslash || (unit == .slash && !verbatim)
    }

    private static func kind(ofDoubleSeparator units: [UInt16]) -> WindowsPath.Kind {
        guard units.count > 2, units[2] == .dot || units[2] == .questionMark else { return .unc }
        if units.count > 3, !units[3].isSeparator { return .unc }
        guard units.count > 3, units[..<4].elementsEqual(verbatimPrefix) else { return .localDevice }
        if holds(uncPrefix, units) { return .verbatimUNC }
        return hasVolumeGUID(units) ? .volumeGUID : .verbatim
    }

    private static func isNT(_ units: [UInt16]) -> Bool { units.starts(with: ntPrefix) }

    private static let verbatimPrefix = Array(#"\\?\"#.utf16)
    private static let ntPrefix = Array(#"\??\"#.utf16)
    private static let uncPrefix = Array(#"\\?\UNC\"#.utf16)
    private static let volumePrefix = Array(#"\\?\VOLUME{"#.utf16)
    private static let guidShape = Array("00000000-0000-0000-0000-000000000000}".utf16)

    /// Whether the path starts with the prefix in either case and with either separator.
    private static func holds(_ prefix: [UInt16], _ units: [UInt16]) -> Bool {
        guard units.count >= prefix.count else { return false }
        return prefix.indices.allSatisfy { index in
            let unit = units[index] == .slash ? .backslash : units[index].asciiUppercase
            return unit == prefix[index]
        }
    }

    private static func hasVolumeGUID(_ units: [UInt16]) -> Bool {
        let end = volumePrefix.count + guidShape.count
        guard holds(volumePrefix, units), units.count >= end else { return false }
        guard units.count == end || units[end] == .backslash else { return false }
        return guidShape.indices.allSatisfy { index in
            let unit = units[volumePrefix.count + index]
            return guidShape[index].isHexDigit ? unit.isHexDigit : unit == guidShape[index]
        }
    }
}
