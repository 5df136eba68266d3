// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Lookups of which the kernel has all in memory, so that they need no queue. Where it has not, or the path takes more
/// than a lookup (names in other cases, rules about disks, a kernel without openat2), the answer is nil.
///
/// RESOLVE_CACHED (Linux 5.12, openat2(2)) fails with EAGAIN where a lookup would ask a filesystem, and so never waits for
/// a disk, a server or a lock. A descriptor of O_PATH opens nothing on the filesystem. Its end costs nothing either, but for
/// the one case that the mount was detached in between and has no other user left.
extension ConfinedPathResolver {
    /// Whether the path is there.
    func exists(cached path: HostPath) throws(StorageError) -> Bool? {
        guard let root = try openCachedRoot(of: path) else { return nil }
        guard !path.isRoot else { return true }
        switch Self.openCached(path.components, beneath: root, cls_O_PATH | O_NOFOLLOW) {
        case .success: return true
        case .missing: return false
        case .unknown: return nil
        }
    }

    /// Whether something is mounted on the path, a directory; nil also for what is no directory.
    func isMount(cached path: HostPath) throws(StorageError) -> Bool? {
        guard !path.isRoot, let root = try openCachedRoot(of: path),
            case .success(let parent) = Self.openCached(
                path.components.dropLast(), beneath: root, cls_O_PATH | O_DIRECTORY | O_NOFOLLOW),
            let name = path.name,
            case .success(let place) = Self.openCached(
                [name], beneath: parent.descriptor, cls_O_PATH | O_DIRECTORY | O_NOFOLLOW)
        else { return nil }
        return try place.descriptor.mountID() != parent.descriptor.mountID()
    }

    private enum Lookup {
        case success(OpenDirectory)
        /// It is not there, or below a file.
        case missing
        case unknown
    }

    private func openCachedRoot(of path: HostPath) throws(StorageError) -> Descriptor? {
        guard resolution == .kernel, !policy.ignoresCase, path.confinement?.hasDisks != true,
            policy.place(ofInnerRoot: path.root) == nil
        else { return nil }
        try policy.requireConfined(path)
        let result = cls_openat2(
            AT_FDCWD, path.root, UInt64(UInt32(bitPattern: cls_O_PATH | O_DIRECTORY)), CLS_RESOLVE_CACHED)
        return result >= 0 ? Descriptor(owning: result) : nil
    }

    private static func openCached(
        _ names: some BidirectionalCollection<String>, beneath directory: borrowing Descriptor, _ flags: Int32
    ) -> Lookup {
        let resolve = CLS_RESOLVE_BENEATH | CLS_RESOLVE_NO_SYMLINKS | CLS_RESOLVE_NO_MAGICLINKS | CLS_RESOLVE_CACHED
        let path = names.isEmpty ? "." : names.joined(separator: "/")
        let result = cls_openat2(directory.raw, path, UInt64(UInt32(bitPattern: flags)), resolve)
        switch result {
        case 0...: return .success(OpenDirectory(Descriptor(owning: result)))
        case -ENOENT, -ENOTDIR: return .missing
        default: return .unknown
        }
    }
}
