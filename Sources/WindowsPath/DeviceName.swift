// SPDX-License-Identifier: Apache-2.0

/// The names that Win32 takes for devices in every directory.
///
/// Sources: Microsoft, "Naming Files, Paths, and Namespaces": the names, the superscript digits, and that an
/// extension makes no difference; "CreateFileW", Consoles: `CONIN$` and `CONOUT$`. That a colon ends the
/// name like a dot does, and that blanks before either are ignored: measured on Windows, see the test's table.
enum DeviceName {
    private static let plain = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].map { Array($0.utf16) }
    private static let numbered = ["COM", "LPT"].map { Array($0.utf16) }
    /// 1 to 9 and the superscripts ¹, ² and ³. Zero is no port.
    private static let digits = Set(Array("123456789\u{B9}\u{B2}\u{B3}".utf16))

    /// The part of a name that makes it a device (`nul` of `nul .txt:x`), or nil if it is none.
    static func device(in name: ArraySlice<UInt16>) -> ArraySlice<UInt16>? {
        // A, C, L, N, P: every one of them starts with one of these, and most names of files do not.
        guard let first = name.first?.asciiUppercase, [0x41, 0x43, 0x4C, 0x4E, 0x50].contains(first) else { return nil }
        var end = name.startIndex
        while end < name.endIndex, name[end] != .dot, name[end] != .colon { end += 1 }
        while end > name.startIndex, name[end - 1] == .blank { end -= 1 }
        let base = name[..<end]
        if plain.contains(where: { isSame(base, $0) }) { return base }
        guard base.count == 4, let digit = base.last, digits.contains(digit) else { return nil }
        return numbered.contains { isSame(base.dropLast(), $0) } ? base : nil
    }

    /// Whether a name in a directory is a device by these rules.
    ///
    /// Source for Windows 11: Microsoft, "File path formats on Windows systems", Handle legacy devices; that NUL is left:
    /// `RtlIsDosDeviceName_U` of Windows 11.
    static func isDevice(_ name: ArraySlice<UInt16>, _ rules: FileName.Rules) -> Bool {
        switch rules {
        case .win32: device(in: name) != nil
        case .windows11: isSame(name, plain[3])
        case .verbatim: false
        }
    }

    private static func isSame(_ name: ArraySlice<UInt16>, _ device: [UInt16]) -> Bool {
        name.count == device.count && zip(name, device).allSatisfy { $0.asciiUppercase == $1 }
    }
}
