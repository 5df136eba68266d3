// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Whether both are the same bytes. `==` also takes canonically equivalent text for equal, which no
    /// filesystem and no device does.
    package func isIdentical(to other: String) -> Bool { utf8.elementsEqual(other.utf8) }

    /// The beginning of text that a caller sent and that may be anything: short, and without control
    /// characters, so that it can stand in an error and in a log.
    package var excerpt: String {
        var excerpt = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            guard excerpt.count < 260 else { return String(excerpt) + "…" }
            excerpt.append(scalar.value < 0x20 || scalar.value == 0x7F ? "\u{FFFD}" : scalar)
        }
        return String(excerpt)
    }
}
