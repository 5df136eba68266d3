// SPDX-License-Identifier: Apache-2.0

/// Why a directory cannot be a current one.
public enum CurrentDirectoryFault: Error, Sendable, Hashable {
    /// It is neither `C:\x` nor `\\server\share\x`, or it is a device.
    case notOnDriveOrShare
    case unresolved(FullPathFault)
}

/// The base of relative paths: the current directory, and for every other drive the last one there.
///
/// Source: Microsoft, "File path formats on Windows systems". A drive without one is taken at its root.
public struct CurrentDirectories: Sendable {
    /// The full path, without a separator at its end unless it is a drive's root.
    public let current: WindowsPath
    private var directories: [UInt16: WindowsPath] = [:]

    /// - Parameters:
    ///   - current: `C:\x` or `\\server\share\x`; resolved, so "." and ".." may occur.
    ///   - others: `D:\x` for other drives. One on the current drive is ignored, and of two on one drive
    ///     the last counts.
    public init(_ current: WindowsPath, others: [WindowsPath] = []) throws(CurrentDirectoryFault) {
        self.current = try Self.resolved(current, kinds: [.driveAbsolute, .unc])
        for other in others {
            let directory = try Self.resolved(other, kinds: [.driveAbsolute])
            directories[UpcaseTable.upcase(directory.units[0])] = directory
        }
        if self.current.kind == .driveAbsolute {
            directories[UpcaseTable.upcase(self.current.units[0])] = self.current
        }
    }

    private init(unresolved: WindowsPath) {
        current = unresolved
    }

    /// The current directory of the drive, in either case; nil if there was none.
    func directory(onDrive drive: UInt16) -> WindowsPath? {
        directories[UpcaseTable.upcase(drive)]
    }

    /// `C:\` or `\\server\share`
    var rootOfCurrent: ArraySlice<UInt16> {
        current.units[..<ComponentStack.endOfRoot(ofFullPath: current.units[...])]
    }

    private static func resolved(
        _ directory: WindowsPath, kinds: Set<WindowsPath.Kind>
    ) throws(CurrentDirectoryFault) -> WindowsPath {
        guard kinds.contains(directory.kind) else { throw .notOnDriveOrShare }
        let full: WindowsPath
        do {
            // An absolute path asks for no current directory, so any will do.
            full = try directory.fullPath(in: CurrentDirectories(unresolved: directory))
        } catch {
            throw .unresolved(error)
        }
        // A device in the last name makes a device of it all.
        guard kinds.contains(full.kind) else { throw .notOnDriveOrShare }
        let root = ComponentStack.endOfRoot(ofFullPath: full.units[...])
        let end = full.units.count > root && full.units.last == .backslash ? full.units.count - 1 : full.units.count
        return WindowsPath(units: full.units[..<end])
    }
}
