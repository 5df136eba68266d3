// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// Where ntpath and Win32 disagree, and Win32 wins. `NtpathDisagreementTests` has examples of each, with the
/// answers of both sides.
enum Win32Disagreement: Sendable, CaseIterable {
    /// In a verbatim path `/` is part of a name; ntpath takes it for a separator.
    case slashInVerbatimPath
    /// A verbatim path is left alone; ntpath removes "." and ".." from it.
    case verbatimPathIsNotNormalized
    /// `\:\x` is rooted; ntpath's isabs sees a drive `\:`.
    case separatorAsDrive
    /// A drive is one unit before the colon; in ntpath a letter of two is one as well.
    case surrogatePairAsDrive
    /// `.\c:x` is a stream of the file c; ntpath makes `c:x` of it, x on drive C.
    case nameLikeDrive
    /// Names are compared by NTFS's upper case; ntpath off Windows takes Python's lower case.
    case foldedLetter
    /// The upper case of the dotless i is no I, so `conın$` is no device.
    case dotlessIInDevice
    /// Full paths have Win32's rules for blanks, dots, devices, drives and shares, where ntpath off Windows
    /// has but join and normpath.
    case resolution
}

/// Reasons for a disagreement about a case.
struct DisagreementTraits {
    let question: NtpathOracle.Case
    private let traits: [PathTraits]

    init(_ question: NtpathOracle.Case) {
        self.question = question
        traits = [PathTraits(question.a), PathTraits(question.b), PathTraits(question.c)]
    }

    private struct PathTraits {
        let units: [UInt16]
        let isVerbatim: Bool
        var hasSlash = false
        /// İ, ς and the Kelvin sign: Python's lower case makes two letters, another letter, and a k of them.
        var isOddlyFolded = false

        init(_ units: [UInt16]) {
            self.units = units
            isVerbatim = WindowsPath(units: units).kind.isVerbatim
            for unit in units {
                if unit == 0x2F { hasSlash = true }
                if unit == 0x130 || unit == 0x3C2 || unit == 0x212A { isOddlyFolded = true }
            }
        }
    }

    func expected(of function: NtpathOracle.Function) -> Win32Disagreement? {
        let paths = traits.prefix(function.pathCount)
        if paths.contains(where: \.isVerbatim), paths.contains(where: \.hasSlash) { return .slashInVerbatimPath }
        switch function {
        case .normalized where paths[0].isVerbatim: return .verbatimPathIsNotNormalized
        case .isAbsolute where Self.hasSeparatorAsDrive(question.a): return .separatorAsDrive
        case .isReserved where question.a.contains(0x131): return .dotlessIInDevice
        case .join, .joinThree, .common, .commonThree:
            return paths.contains(where: \.isOddlyFolded) ? .foldedLetter : nil
        case .fullPath: return Self.isResolvedOtherwise(question.a) ? .resolution : nil
        case .relative:
            if paths.contains(where: \.isOddlyFolded) { return .foldedLetter }
            // It comes of two full paths.
            return paths.contains { Self.isResolvedOtherwise($0.units) } ? .resolution : nil
        default: return nil
        }
    }

    private static func hasSeparatorAsDrive(_ units: [UInt16]) -> Bool {
        units.starts(with: [0x5C, 0x3A]) || units.starts(with: [0x2F, 0x3A])
    }

    /// Whether a rule applies that ntpath off Windows does not have. Other cases may still differ in a separator at the
    /// end, which Win32 keeps.
    private static func isResolvedOtherwise(_ units: [UInt16]) -> Bool {
        let path = WindowsPath(units: units)
        if units.allSatisfy({ $0 == 0x20 }) || units.contains(0) || hasSeparatorAsDrive(units) { return true }
        switch path.kind {
        case .verbatim, .verbatimUNC, .volumeGUID, .localDevice: return true
        case .unc:
            // A share that is missing, or set off by several separators, is no drive to ntpath.
            let parts = path.splitRoot()
            let share = WindowsPath(units: Array(parts.drive.units.dropFirst(2)))
            if parts.root.isEmpty || share.kind != .relative || share.components.count != 2 { return true }
        // Only drive C has a current directory, and its spelling is the one that counts.
        case .driveRelative: if units[0] != 0x43 { return true }
        case .relative, .rooted, .nt, .driveAbsolute: break
        }
        let names = path.components.map(\.units)
        let (here, up): ([UInt16], [UInt16]) = ([0x2E], [0x2E, 0x2E])
        let endsOddly = names.contains { $0.last == 0x20 || ($0.last == 0x2E && $0 != here && $0 != up) }
        return endsOddly || names.last.map(isDevice) ?? false
    }

    private static func isDevice(_ name: [UInt16]) -> Bool {
        var base = name.prefix { $0 != 0x2E && $0 != 0x3A }
        while base.last == 0x20 { base.removeLast() }
        let text = String(decoding: base, as: UTF16.self).uppercased()
        return ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(text)
            || (base.count == 4 && (text.hasPrefix("COM") || text.hasPrefix("LPT")))
    }
}
