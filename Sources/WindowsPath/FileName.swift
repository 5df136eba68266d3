// SPDX-License-Identifier: Apache-2.0

/// Why a text is no name of a file or directory. Offsets count units from the start of the name.
package enum NameFault: Error, Sendable, Hashable {
    case empty
    /// "." or ".."
    case dots
    /// One of `" * / : < > ? \ |`: a separator, a wildcard, or the colon before a stream.
    case forbidden(UInt16, at: Int)
    /// 0 to 31.
    case control(UInt16, at: Int)
    /// More than 255 units.
    case tooLong(units: Int)
    /// Win32 would leave the dot or blank away.
    case endsInDotOrBlank
    /// Win32 would open a device.
    case device
}

/// Names in a path that NTFS holds, and that Win32 takes as they are.
///
/// Source: Microsoft, "Naming Files, Paths, and Namespaces".
package enum FileName {
    /// Which names are devices.
    package enum Rules: Sendable, Hashable, CaseIterable {
        /// As Win32 takes names in ordinary paths.
        case win32
        /// From Windows 11 and Windows Server 2025 on: in a directory NUL alone, so `nul.txt` and `con` are files.
        case windows11
    }

    private static let forbidden = Set(#""*/:<>?\|"#.utf16)

    package static func check(_ name: ArraySlice<UInt16>, rules: Rules = .win32) throws(NameFault) {
        guard let last = name.last else { throw .empty }
        if name.elementsEqual([.dot]) || name.elementsEqual([.dot, .dot]) { throw .dots }
        for (offset, unit) in name.enumerated() {
            if unit < 0x20 { throw .control(unit, at: offset) }
            if forbidden.contains(unit) { throw .forbidden(unit, at: offset) }
        }
        guard name.count <= 255 else { throw .tooLong(units: name.count) }
        if DeviceName.isDevice(name, rules) { throw .device }
        if last == .dot || last == .blank { throw .endsInDotOrBlank }
    }
}
