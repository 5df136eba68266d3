// SPDX-License-Identifier: Apache-2.0

extension [UInt16] {
    /// Sets `.\` before a relative path that would be read as one on a drive: `c:x` alone is x on drive C,
    /// where `.\c:x` is a stream of the file c. ntpath does not, and so makes the one of the other.
    mutating func keepRelative() {
        guard count > 1, self[1] == .colon else { return }
        insert(.backslash, at: 0)
        insert(.dot, at: 0)
    }
}
