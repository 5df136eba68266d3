// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Removes directory trees name by name on descriptors. Follows no link and crosses no mount: a mount in
/// the tree, a bind mount of the same filesystem too, ends the removal.
///
/// Names are bytes. However deep a tree is, two descriptors are open: the way back up leads by "..", and only
/// into the very directory that the way down came from.
enum TreeRemoval {
    /// Removes everything in a directory.
    static func removeContents(of directory: borrowing Descriptor, _ path: String) throws(StorageError) {
        // A descriptor of its own: the caller's may be O_PATH or in use for reading.
        let top = OpenDirectory(try Descriptor(in: directory, O_RDONLY | O_DIRECTORY, path))
        var attempts = 0
        while true {
            var descent = try Descent(from: top, path)
            if try descent.removeAll() { return }
            attempts += 1
            guard attempts < maximumAttempts else {
                throw StorageError(
                    .aborted, "another process moves directories in the tree; try again later", subject: path)
            }
        }
    }

    /// How often a tree is begun anew in which directories are moved meanwhile.
    private static let maximumAttempts = 64

    /// Removes `name`, of any type. A name that is gone meanwhile is fine.
    static func remove(_ name: String, in directory: borrowing Descriptor, _ path: String) throws(StorageError) {
        guard let child = try removeUnlessFull(Array(name.utf8), in: directory, { path }) else { return }
        try removeContents(of: child.descriptor, path)
        if unlinkat(directory.raw, name, AT_REMOVEDIR) < 0, errno != ENOENT {
            throw try refusal(of: Array(name.utf8), in: directory, errno, path)
        }
    }

    /// Removes the name, unless it is a directory that is not known to be empty; that is opened and returned.
    fileprivate static func removeUnlessFull(
        _ name: [UInt8], in directory: borrowing Descriptor, _ path: () -> String
    ) throws(StorageError) -> OpenDirectory? {
        let raw = directory.raw
        let code = name.withCString { unlinkat(raw, $0, 0) < 0 ? errno : 0 }
        if code == 0 || code == ENOENT { return nil }
        // Linux says EISDIR of a directory (unlink(2)), POSIX would let it say EPERM.
        guard code == EISDIR || code == EPERM else { throw removalError(code, path()) }
        do throws(StorageError) {
            return OpenDirectory(try directory.openDirectoryHere(name, path))
        } catch {
            if error.isSystemCall(errno: ENOENT) { return nil }
            if error.isSystemCall(errno: EXDEV) {
                throw StorageError(
                    .busy, "something is mounted there; its data stay", subject: path(), cause: error.cause)
            }
            guard error.isSystemCall(errno: ENOTDIR) || error.isSystemCall(errno: ELOOP) else { throw error }
        }
        // A file that may not be unlinked.
        throw try refusal(of: name, in: directory, code, path())
    }

    /// Why a name cannot be taken away: chattr(1) has protected it, or the directory that it is in.
    static func refusal(
        of name: [UInt8], in directory: borrowing Descriptor, _ code: Int32, _ path: String
    ) throws(StorageError) -> StorageError {
        var error = removalError(code, path)
        guard code == EPERM else { return error }
        var status = cls_status()
        let raw = directory.raw
        if name.withCString({ cls_status_at(raw, $0, &status) }) == 0,
            let protection = FileStatus(status).protection
        {
            error.code = .failedPrecondition
            error.detail = "it is \(protection); chattr -ia lets it be removed"
        } else if let protection = try directory.status(path).protection {
            error.code = .failedPrecondition
            error.detail = "the directory that holds it is \(protection); chattr -ia lets it be removed"
        }
        return error
    }

    /// Whether a directory is "/", by whichever way it was reached. No policy lets a caller get there; this guards
    /// against other faults.
    static func isTopOfHost(_ directory: borrowing Descriptor, _ path: String) throws(StorageError) -> Bool {
        try isTopOfHost(directory.status(path))
    }

    fileprivate static func isTopOfHost(_ status: FileStatus) throws(StorageError) -> Bool {
        let top = try Descriptor(opening: "/", cls_O_PATH | O_DIRECTORY).status("/")
        return status.device == top.device && status.inode == top.inode
    }

    static func removalError(_ code: Int32, _ path: String) -> StorageError {
        var error = StorageError(errno: code, "unlinkat", path)
        if code == ENOTEMPTY { error.detail = "the directory is not empty" }
        if code == EBUSY { error.detail = "something is mounted there; its data stay" }
        if code == EROFS { error.detail = "the filesystem is mounted read-only" }
        return error
    }
}

/// One way through a tree, from its top down and back.
private struct Descent {
    private let top: OpenDirectory
    private let path: String
    private let hostTop: FileIdentity
    private var current: OpenDirectory
    private var levels: [Level]

    private struct Level {
        let identity: FileIdentity
        /// Its name in the directory above; of the top, none.
        let name: [UInt8]
        /// The names in it that are still to be removed, each with a NUL behind it. One array: a directory can
        /// have millions.
        var names: [UInt8]
    }

    init(from top: OpenDirectory, _ path: String) throws(StorageError) {
        self.top = top
        self.path = path
        current = top
        levels = []
        hostTop = try Descriptor(opening: "/", cls_O_PATH | O_DIRECTORY).status("/").identity
        try enter(top, name: [])
    }

    private mutating func enter(_ directory: OpenDirectory, name: [UInt8]) throws(StorageError) {
        let place = place(of: name)
        let identity = try directory.descriptor.status(place).identity
        guard identity.device != hostTop.device || identity.inode != hostTop.inode else {
            throw StorageError(.denied, "it is the top directory of the host", subject: place)
        }
        var names: [UInt8] = []
        try directory.descriptor.forEachNameInBytes(place) { name in
            names += name
            names.append(0)
            return true
        }
        levels.append(Level(identity: identity, name: name, names: names))
        current = directory
    }

    /// Removes all below the top. False where a directory has been moved away from where it was, and so the way back
    /// up is lost.
    mutating func removeAll() throws(StorageError) -> Bool {
        while true {
            if let name = nextName() {
                // A closure that captured a copy would have each level copied with the next.
                if let child = try TreeRemoval.removeUnlessFull(
                    name, in: current.descriptor, { self.place(of: name) })
                {
                    try enter(child, name: name)
                }
                continue
            }
            guard levels.count > 1 else { return true }
            guard try leave() else { return false }
        }
    }

    private mutating func nextName() -> [UInt8]? {
        let level = levels.count - 1
        guard !levels[level].names.isEmpty else { return nil }
        levels[level].names.removeLast()
        let start = (levels[level].names.lastIndex(of: 0) ?? -1) + 1
        let name = Array(levels[level].names[start...])
        levels[level].names.removeLast(name.count)
        return name
    }

    /// Goes back up and removes the directory that was emptied. False where the parent is another than before.
    private mutating func leave() throws(StorageError) -> Bool {
        let above = levels[levels.count - 2]
        let place = place(of: [])
        let parent: OpenDirectory
        if levels.count == 2 {
            parent = top
        } else {
            let raw = openat(current.descriptor.raw, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            // Removed by another process, it has no parent.
            if raw < 0, errno == ENOENT { return false }
            parent = OpenDirectory(Descriptor(owning: try checkErrno(raw, "openat", place)))
            guard try parent.descriptor.status(place).identity == above.identity else { return false }
        }
        let raw = parent.descriptor.raw
        let code = levels[levels.count - 1].name.withCString { unlinkat(raw, $0, AT_REMOVEDIR) < 0 ? errno : 0 }
        if code != 0, code != ENOENT {
            throw try TreeRemoval.refusal(of: levels[levels.count - 1].name, in: parent.descriptor, code, place)
        }
        levels.removeLast()
        current = parent
        return true
    }

    /// The path of a name in the current directory, of itself if there is none, in the caller's dialect, shortened.
    /// Takes as long in a deep tree as in a flat one.
    private func place(of name: [UInt8]) -> String {
        let below = levels.dropFirst()
        var names = below.prefix(4).map(\.name)
        if below.count > 8 { names.append(Array("… \(below.count - 8) directories …".utf8)) }
        names += below.dropFirst(4).suffix(4).map(\.name)
        if !name.isEmpty { names.append(name) }
        return ([path] + names.map { String(decoding: $0, as: UTF8.self) }).joined(
            separator: path.hasPrefix("/") ? "/" : #"\"#)
    }
}

extension [UInt8] {
    /// The bytes as the kernel takes a name.
    func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { body($0.baseAddress.unsafelyUnwrapped) }
        }
    }
}
