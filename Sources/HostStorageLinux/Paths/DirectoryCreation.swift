// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Makes directories name by name on descriptors, the root itself included.
enum DirectoryCreation {
    private static let mode = mode_t(FileMode.directory.bits)

    /// A link at the end of the way that leads to a directory is one that is there, as it is on Windows.
    ///
    /// - Parameter last: the mode of the last one, where it is made.
    /// - Returns: whether the last one was made.
    @discardableResult
    static func make(
        _ path: HostPath, _ resolver: ConfinedPathResolver, mode last: FileMode = .directory
    ) throws(StorageError) -> Bool {
        try resolver.policy.requireConfined(path)
        let root = try makeRoot(path, resolver)
        let limits = try MountLimits(path.confinement, root: root.descriptor, resolver.inventory)
        do throws(StorageError) {
            return try makeBeneath(root, path.components, path.root, limits, mode_t(last.bits)).isNew
        } catch  where error.isSystemCall(errno: ELOOP) {
            guard let (parent, name) = try? resolver.openParent(of: path),
                try parent.descriptor.linkTextIfLink(of: name, "\(path)") != nil,
                (try? resolver.openFollowing(path, cls_O_PATH | O_DIRECTORY)) != nil
            else { throw error }
            return false
        }
    }

    private static func makeBeneath(
        _ root: OpenDirectory, _ names: [String], _ path: String, _ limits: MountLimits?, _ last: mode_t = mode
    ) throws(StorageError) -> (last: OpenDirectory, isNew: Bool) {
        var (directory, place, isNew) = (root, path, false)
        for (index, name) in names.enumerated() {
            place += "/\(name)"
            isNew = try make(name, in: directory.descriptor, place)
            let child = try directory.descriptor.openName(name, O_RDONLY | O_DIRECTORY, crossing: limits, place)
            // Independent of this process's umask.
            let mode = index == names.count - 1 ? last : mode
            if isNew { try checkErrno(fchmod(child.raw, mode), "fchmod", place) }
            directory = OpenDirectory(child)
        }
        return (directory, isNew)
    }

    /// Makes the root where it is missing. The way to it is the operator's, whose links are followed; the
    /// way from a root around it is its callers', whose links are not.
    private static func makeRoot(_ path: HostPath, _ resolver: ConfinedPathResolver) throws(StorageError)
        -> OpenDirectory
    {
        if let place = resolver.policy.place(ofInnerRoot: path.root) {
            return try makeBeneath(makeRoot(place, resolver), place.components, place.root, nil).last
        }
        var directory = OpenDirectory(try Descriptor(opening: "/", cls_O_PATH | O_DIRECTORY))
        var place = ""
        for name in path.root.split(separator: "/").map(String.init) {
            place += "/\(name)"
            _ = try make(name, in: directory.descriptor, place)
            directory = OpenDirectory(
                try Descriptor(opening: name, in: directory.descriptor, cls_O_PATH | O_DIRECTORY, place))
        }
        return directory
    }

    /// Returns whether it has made the directory, and not found something there.
    private static func make(
        _ name: String, in directory: borrowing Descriptor, _ place: String
    ) throws(StorageError) -> Bool {
        let isNew = mkdirat(directory.raw, name, mode) == 0
        if !isNew, errno != EEXIST { throw StorageError(errno: errno, "mkdirat", place) }
        return isNew
    }
}
