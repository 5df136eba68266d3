// SPDX-License-Identifier: Apache-2.0

/// The names that Win32 takes for devices in every directory.
///
/// Sources: Microsoft, "Naming Files, Paths, and Namespaces": the names, the superscript digits, and that an
/// extension makes no difference; "CreateFileW", Consoles: `CONIN$` and `CONOUT$`. That blanks before the dot are
/// ignored: measured on Windows, see the test's table.
enum DeviceName {
    private static let plain = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].map { Array($0.utf16) }
    private static let numbered = ["COM", "LPT"].map { Array($0.utf16) }
    /// 1 to 9 and the superscripts ¹, ² and ³. Zero is no port.
    private static let digits = Set(Array("123456789\u{B9}\u{B2}\u{B3}".utf16))

    /// Whether a name without a colon is a device's with any extension: `nul`, `nul .txt`.
    private static func isDeviceWithExtension(_ name: ArraySlice<UInt16>) -> Bool {
        var base = name.prefix { $0 != .dot }
        while base.last == .blank { base = base.dropLast() }
        if plain.contains(where: { isSame(base, $0) }) { return true }
        guard base.count == 4, let digit = base.last, digits.contains(digit) else { return false }
        return numbered.contains { isSame(base.dropLast(), $0) }
    }

    /// Whether a name in a directory is a device by these rules.
    ///
    /// Source for Windows 11: Microsoft, "File path formats on Windows systems", Handle legacy devices; that NUL is left:
    /// `RtlIsDosDeviceName_U` of Windows 11.
    static func isDevice(_ name: ArraySlice<UInt16>, _ rules: FileName.Rules) -> Bool {
        switch rules {
        case .win32: isDeviceWithExtension(name)
        case .windows11: isSame(name, plain[3])
        }
    }

    private static func isSame(_ name: ArraySlice<UInt16>, _ device: [UInt16]) -> Bool {
        name.count == device.count && zip(name, device).allSatisfy { $0.asciiUppercase == $1 }
    }
}
