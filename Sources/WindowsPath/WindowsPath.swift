// SPDX-License-Identifier: Apache-2.0

/// A path as Win32 spells it, in UTF-16 units; any units, so that a path that no `String` can hold
/// (one with an unpaired surrogate, which NTFS permits) is carried unchanged.
///
/// A value is the path as written: only explicit calls resolve, check or fold it. Two paths are equal when NTFS takes
/// their units for the same; see ``==(_:_:)``.
///
/// Source for units: Microsoft, "Naming Files, Paths, and Namespaces": to the file system a name is an
/// opaque sequence of 16-bit units.
public struct WindowsPath: Sendable {
    /// The path as it was written.
    public let units: [UInt16]

    public init(units: [UInt16]) {
        self.units = units
    }

    init(units: ArraySlice<UInt16>) {
        self.units = Array(units)
    }

    /// Every `String` has units, so this cannot fail.
    public init(_ text: String) {
        units = Array(text.utf16)
    }

    public var isEmpty: Bool { units.isEmpty }
}

extension WindowsPath: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        self.init(text)
    }
}
