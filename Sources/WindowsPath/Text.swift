// SPDX-License-Identifier: Apache-2.0

/// Why a path has no text: half of a surrogate pair stands alone, and no `String` can hold that.
public struct UnpairedSurrogate: Error, Sendable, Hashable {
    /// The half, 0xD800 to 0xDFFF.
    public let unit: UInt16
    /// Where it stands, in units from the start.
    public let offset: Int
}

extension WindowsPath {
    /// The path as text, unit for unit.
    ///
    /// - Throws: ``UnpairedSurrogate``, the first of them, when no text has these units.
    public func text() throws(UnpairedSurrogate) -> String {
        if let offset = Self.unpairedSurrogate(in: units[...]) {
            throw UnpairedSurrogate(unit: units[offset], offset: offset)
        }
        return String(decoding: units, as: UTF16.self)
    }

    /// The offset of the first half of a surrogate pair that stands alone.
    static func unpairedSurrogate(in units: ArraySlice<UInt16>) -> Int? {
        var offset = units.startIndex
        while offset < units.endIndex {
            if !UTF16.isSurrogate(units[offset]) {
                offset += 1
            } else if UTF16.isLeadSurrogate(units[offset]), offset + 1 < units.endIndex,
                UTF16.isTrailSurrogate(units[offset + 1])
            {
                offset += 2
            } else {
                return offset
            }
        }
        return nil
    }
}

extension WindowsPath: CustomStringConvertible {
    /// For people to read: unpaired surrogates show as U+FFFD. ``text()`` is the one to go on with.
    public var description: String { String(decoding: units, as: UTF16.self) }
}
