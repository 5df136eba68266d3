// SPDX-License-Identifier: Apache-2.0

import WindowsPath

/// Invariants of every path.
enum PathInvariants {
    static func check(_ path: WindowsPath) {
        checkParts(path)
        checkNormal(path)
        checkFullPath(path)
        checkNames(path)
        if let text = try? path.text() { precondition(WindowsPath(text).isIdentical(to: path)) }
    }

    private static func checkParts(_ path: WindowsPath) {
        let root = path.splitRoot()
        precondition(root.drive.units + root.root.units + root.tail.units == path.units)
        precondition(root.root.units.count <= 1)
        let drive = path.splitDrive()
        precondition(drive.drive.isIdentical(to: root.drive) && drive.rest.units == root.root.units + root.tail.units)
        let fileExtension = path.splitExtension()
        precondition(fileExtension.stem.units + fileExtension.fileExtension.units == path.units)
        let split = path.split()
        precondition(path.units.starts(with: split.directory.units))
        precondition(path.units.suffix(split.name.units.count).elementsEqual(split.name.units))
    }

    private static func checkNormal(_ path: WindowsPath) {
        let normal = path.normalized()
        precondition(normal.normalized().isIdentical(to: normal), "normalising is idempotent")
        precondition(normal.units.count <= max(path.units.count, 1))
        precondition(normal.kind.isVerbatim || !normal.units.contains(0x2F))
        switch path.kind {
        // `\.\??\x`, `\??\` and `//?/x` become paths of another kind.
        case .rooted, .nt: precondition(normal.kind == .rooted || normal.kind == .nt)
        case .localDevice: precondition(normal.kind == .localDevice || normal.kind.isVerbatim)
        default: precondition(normal.kind == path.kind, "the path is read as it was")
        }
    }

    private static let directories = [
        try? CurrentDirectories(#"C:\current\dir"#, others: [#"D:\x"#]),
        try? CurrentDirectories(#"\\server\share\dir"#),
    ].compactMap(\.self)

    private static func checkFullPath(_ path: WindowsPath) {
        for directories in directories {
            guard let full = try? path.fullPath(in: directories) else { continue }
            precondition(full.isAbsolute, "a full path depends on no directory")
            precondition(full.units.count <= LengthLimit.extended.units)
            guard let again = try? full.fullPath(in: directories) else { preconditionFailure("it has a full path") }
            // "nul\." becomes "nul", and that is a device.
            let isDevice = again.kind == .localDevice && full.kind == .driveAbsolute
            precondition(isDevice || again.isIdentical(to: full), "resolving is idempotent")
        }
    }

    private static func checkNames(_ path: WindowsPath) {
        for name in path.components {
            let plain = try? FileName(name)
            let verbatim = try? FileName(name, rules: .verbatim)
            precondition(plain == nil || verbatim != nil, "NTFS takes what Win32 takes")
            if plain != nil { precondition(!WindowsPath(units: name.units).isReserved) }
            _ = try? FileName(name, allowingStream: true)
        }
        let fitsShort = (try? path.check(limit: .maxPath)) != nil
        let fitsLong = (try? path.check(limit: .extended)) != nil
        precondition(!fitsShort || fitsLong)
    }
}
