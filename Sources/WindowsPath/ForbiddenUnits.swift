// SPDX-License-Identifier: Apache-2.0

/// The units that no name of a file holds.
///
/// Source: Microsoft, "Naming Files, Paths, and Namespaces".
enum ForbiddenUnits {
    static func isControl(_ unit: UInt16) -> Bool { unit < 0x20 }

    /// One of `" * / : < > ? \ |`.
    static func isPunctuation(_ unit: UInt16) -> Bool {
        switch unit {
        case 0x22, 0x2A, .slash, .colon, 0x3C, 0x3E, .questionMark, .backslash, 0x7C: true
        default: false
        }
    }

    static func contains(_ unit: UInt16) -> Bool { isControl(unit) || isPunctuation(unit) }
}
