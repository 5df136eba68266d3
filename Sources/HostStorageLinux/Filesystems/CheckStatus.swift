// SPDX-License-Identifier: Apache-2.0

/// The exit status of a filesystem check, a sum of bits (fsck(8), "EXIT STATUS").
struct CheckStatus: OptionSet, Sendable, Hashable, CustomStringConvertible {
    let rawValue: Int32

    static let corrected = CheckStatus(rawValue: 1)
    static let wantsRestart = CheckStatus(rawValue: 2)
    static let leftErrors = CheckStatus(rawValue: 4)
    static let operationalError = CheckStatus(rawValue: 8)
    static let usageError = CheckStatus(rawValue: 16)
    static let cancelled = CheckStatus(rawValue: 32)
    static let libraryError = CheckStatus(rawValue: 128)

    /// No faults, or all of them repaired. Of a filesystem that is not mounted, nothing in memory is out of date, so
    /// that the machine need not restart.
    var isMountable: Bool { isSubset(of: [.corrected, .wantsRestart]) }

    var description: String {
        let meanings: [(CheckStatus, String)] = [
            (.corrected, "errors were corrected"), (.wantsRestart, "the machine should restart"),
            (.leftErrors, "errors were left uncorrected"), (.operationalError, "it could not do its work"),
            (.usageError, "it was called in a wrong way"), (.cancelled, "it was cancelled"),
            (.libraryError, "a shared library failed"),
        ]
        var texts = meanings.filter { contains($0.0) }.map(\.1)
        let known = meanings.reduce(into: CheckStatus()) { $0.formUnion($1.0) }
        let rest = subtracting(known).rawValue
        if rest != 0 { texts.append("status bits \(rest)") }
        return texts.isEmpty ? "no errors" : texts.joined(separator: ", ")
    }
}
