// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Turns a ``HostPath`` into an open descriptor beneath its root.
///
/// Below the root's descriptor no link is followed, by openat2(2) or by a walk (``Resolution``). From there on callers
/// work on the descriptor; the text is not resolved again.
struct ConfinedPathResolver: Sendable {
    let policy: PathPolicy
    var resolution = Resolution.available
    /// Finds the disk of a mount on the way.
    var inventory = DiskInventory()

    /// Opens the file or directory at `path`. `flags` as for open(2); O_NOFOLLOW is implied.
    func open(_ path: HostPath, _ flags: Int32) throws(StorageError) -> Descriptor {
        try policy.requireConfined(path)
        return try openBeneathRoot(path, flags)
    }

    private func openBeneathRoot(_ path: HostPath, _ flags: Int32) throws(StorageError) -> Descriptor {
        let root = try openRoot(path.root)
        let limits = try MountLimits(path.confinement, root: root, inventory)
        return try resolution.open(path.components, beneath: root, flags, crossing: limits, "\(path)")
    }

    /// Opens a root. The way to it is the operator's and followed as it stands; but where it lies within another root,
    /// callers can change the way, and it is opened beneath that one.
    func openRoot(_ root: String) throws(StorageError) -> Descriptor {
        guard let place = policy.place(ofInnerRoot: root) else {
            return try Descriptor(opening: root, cls_O_PATH | O_DIRECTORY)
        }
        return try openBeneathRoot(place, cls_O_PATH | O_DIRECTORY)
    }

    /// Opens the directory that holds `path`, for calls that take a directory and a name. The call may meet a mount on
    /// the name, too.
    func openParent(of path: HostPath) throws(StorageError) -> (directory: OpenDirectory, name: String) {
        guard let parent = path.parent, let name = path.name else {
            throw StorageError(.denied, "a working directory itself stays as it is", subject: "\(path)")
        }
        try policy.requireConfined(path)
        let directory = OpenDirectory(try openBeneathRoot(parent, cls_O_PATH | O_DIRECTORY))
        try requireMountsPermitted(on: name, in: directory.descriptor, path)
        return (directory, name)
    }

    /// Throws if something is mounted on the name that the call may not meet.
    func requireMountsPermitted(
        on name: String, in directory: borrowing Descriptor, _ path: HostPath
    ) throws(StorageError) {
        guard path.confinement?.hasDisks == true,
            let limits = try MountLimits(path.confinement, root: openRoot(path.root), inventory)
        else { return }
        let raw = openat(directory.raw, name, cls_O_PATH | O_NOFOLLOW | O_CLOEXEC)
        if raw < 0 {
            // A missing name has no mount.
            guard errno == ENOENT || errno == ENOTDIR else { throw .outsideConfinement("\(path)") }
            return
        }
        try limits.requireAll(on: Descriptor(owning: raw), in: directory, "\(path)")
    }
}

extension StorageError {
    func isSystemCall(errno code: Int32) -> Bool {
        if case .systemCall(_, code, _) = cause { true } else { false }
    }

    /// The error for a path whose names are changed faster than they can be looked up.
    static func changing(_ subject: String) -> StorageError {
        StorageError(.aborted, "names or links on the way are being changed; try again", subject: subject)
    }
}
