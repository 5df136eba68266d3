// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// Invariants of every two paths.
enum PairInvariants {
    static func check(_ a: WindowsPath, _ b: WindowsPath) {
        checkOrder(a, b)
        let upper = WindowsPath(units: a.units.map(UpcaseTable.upcase))
        precondition(upper == a && upper.hashValue == a.hashValue)
        checkOrder(a, upper)

        let joined = a.joining(b)
        precondition(joined.units.count <= a.units.count + b.units.count + 1)
        // One without a root, such as `\\server`, goes on where the other is on the same.
        if b.isAbsolute, !b.splitRoot().root.isEmpty {
            precondition(joined.isIdentical(to: b), "an absolute path starts over")
        }

        if let common = try? WindowsPath.common(of: [a, b]), let swapped = try? WindowsPath.common(of: [b, a]) {
            precondition(common == swapped)
            precondition(common.components.count <= min(a.components.count, b.components.count))
        }
        guard let directories = try? CurrentDirectories(#"C:\current\dir"#) else { preconditionFailure() }
        if let relative = try? a.relative(to: b, in: directories) { precondition(!relative.isEmpty) }
        if let relative = try? a.relative(to: a, in: directories) { precondition(relative == ".") }
    }

    private static func checkOrder(_ a: WindowsPath, _ b: WindowsPath) {
        precondition([a < b, a == b, b < a].filter { $0 }.count == 1, "exactly one of them holds")
        precondition(a != b || a.hashValue == b.hashValue, "equal paths have equal hashes")
        precondition((a == b) == (b == a))
    }
}
