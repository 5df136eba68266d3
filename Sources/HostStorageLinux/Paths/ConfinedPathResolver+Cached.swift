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
///
/// No descriptor of a root is kept: it would keep the root's mount busy (EBUSY of umount(2)), and whether it is still the
/// root would take a lookup of its own. The way to a root has mostly no link; then one lookup from the host's root on is
/// that of the root and that beneath it in one.
extension ConfinedPathResolver {
    /// Whether the path is there.
    func exists(cached path: HostPath) throws(StorageError) -> Bool? {
        guard try isLookup(path) else { return nil }
        switch Self.look(up: path, path.isRoot ? cls_O_PATH | O_DIRECTORY : cls_O_PATH | O_NOFOLLOW) {
        case .success: return true
        case .missing: return false
        case .unknown: return nil
        }
    }

    /// Whether something is mounted on the path, a directory; nil also for what is no directory.
    func isMount(cached path: HostPath) throws(StorageError) -> Bool? {
        guard let parent = path.parent, let name = path.name, try isLookup(path),
            case .success(let directory) = Self.look(up: parent, cls_O_PATH | O_DIRECTORY)
        else { return nil }
        let flags = cls_O_PATH | O_DIRECTORY | O_NOFOLLOW
        switch Self.open(name, in: directory.descriptor.raw, flags, CLS_RESOLVE_NO_XDEV) {
        case .success: return false
        case .missing: return nil
        // Also where something is mounted there.
        case .unknown: break
        }
        guard case .success(let place) = Self.open(name, in: directory.descriptor.raw, flags) else { return nil }
        return try place.descriptor.mountID() != directory.descriptor.mountID()
    }

    private enum Lookup {
        case success(OpenDirectory)
        /// It is not there, or below a file.
        case missing
        case unknown
    }

    /// Whether a lookup of the names is all that the path takes.
    private func isLookup(_ path: HostPath) throws(StorageError) -> Bool {
        guard resolution == .kernel, !policy.ignoresCase, path.confinement?.hasDisks != true,
            policy.place(ofInnerRoot: path.root) == nil
        else { return false }
        try policy.requireConfined(path)
        return true
    }

    private static func look(up path: HostPath, _ flags: Int32) -> Lookup {
        let whole = open(path.hostPath, in: AT_FDCWD, flags)
        guard case .unknown = whole else { return whole }
        // There may be a link on the way to the root: that is the operator's, and is followed.
        let root = cls_openat2(
            AT_FDCWD, path.root, UInt64(UInt32(bitPattern: cls_O_PATH | O_DIRECTORY)), CLS_RESOLVE_CACHED)
        guard root >= 0 else { return .unknown }
        let directory = Descriptor(owning: root)
        guard !path.isRoot else { return .success(OpenDirectory(directory)) }
        return open(path.components.joined(separator: "/"), in: directory.raw, flags, CLS_RESOLVE_BENEATH)
    }

    private static func open(_ path: String, in directory: Int32, _ flags: Int32, _ more: UInt64 = 0) -> Lookup {
        let resolve = CLS_RESOLVE_NO_SYMLINKS | CLS_RESOLVE_NO_MAGICLINKS | CLS_RESOLVE_CACHED | more
        let result = cls_openat2(directory, path, UInt64(UInt32(bitPattern: flags)), resolve)
        switch result {
        case 0...: return .success(OpenDirectory(Descriptor(owning: result)))
        case -ENOENT, -ENOTDIR: return .missing
        default: return .unknown
        }
    }
}
