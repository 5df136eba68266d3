// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// Which name of a directory a caller means where the case of letters does not count.
package enum NameLookup {
    /// The name itself if it is there, else the one that NTFS considers equal; nil if there is none. Several are
    /// ``StorageError/Code/failedPrecondition``.
    package static func match(_ name: String, among names: [String]) throws(StorageError) -> String? {
        let same = names.filter { isSame($0, name, foldingCase: true) }
        if let exact = same.first(where: { $0.isIdentical(to: name) }) { return exact }
        guard same.count <= 1 else {
            throw StorageError(
                .failedPrecondition,
                "several names there differ from \(name) in case alone: \(same.sorted().joined(separator: ", "))")
        }
        return same.first
    }

    /// Byte for byte, or as NTFS compares names.
    static func isSame(_ a: String, _ b: String, foldingCase: Bool) -> Bool {
        foldingCase ? WindowsPath(a) == WindowsPath(b) : a.isIdentical(to: b)
    }
}
