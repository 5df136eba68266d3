// SPDX-License-Identifier: Apache-2.0

import Glibc
package import HostStorage

/// Where a sandbox keeps all that it makes: drive C, its disks, its sockets.
///
/// The sandboxes of one user lie side by side in a directory that is that user's alone. Each holds the lock of a file
/// of its own while it runs, so that the next to start knows which were killed, and removes their remains.
package final class SandboxDirectory: Sendable {
    package let path: String
    private let lock: Descriptor

    /// - Parameters:
    ///   - parent: the directory that holds those of all users, such as /tmp.
    ///   - onStale: called with each killed sandbox, and with the error where something of it stays.
    package init(
        in parent: String, onStale: (_ path: String, _ error: StorageError?) -> Void
    ) throws(StorageError) {
        let base = "\(parent)/csi-proxy-sandbox-\(geteuid())"
        try Self.makePrivate(base)
        // One process at a time looks for stale sandboxes: a sandbox that has not locked itself yet would look so.
        let turn = try Descriptor(opening: "\(base)/lock", O_RDWR | O_CREAT | O_NOFOLLOW)
        try checkErrno(flock(turn.raw, LOCK_EX), "flock", base)
        for name in try Sysfs.names(in: base) where name.hasPrefix(Self.prefix) {
            do throws(StorageError) {
                if try Self.removeStale("\(base)/\(name)") { onStale("\(base)/\(name)", nil) }
            } catch {
                onStale("\(base)/\(name)", error)
            }
        }
        let path = "\(base)/\(Self.prefix)\(getpid())"
        try Self.makePrivate(path)
        let lock = try Descriptor(opening: "\(path)/lock", O_RDWR | O_CREAT | O_NOFOLLOW)
        guard try lock.lock(timeout: .zero, path) else { throw StorageError(errno: EWOULDBLOCK, "flock", path) }
        self.path = path
        self.lock = lock
    }

    private static let prefix = "sandbox-"

    /// Returns whether it was stale; one that runs is left alone.
    private static func removeStale(_ path: String) throws(StorageError) -> Bool {
        // Without the file it was killed before it made anything.
        if let lock = try? Descriptor(opening: "\(path)/lock", O_RDWR | O_NOFOLLOW) {
            guard try lock.lock(timeout: .zero, path) else { return false }
            try ScratchTree.remove(path)
        } else {
            try checkErrno(rmdir(path), "rmdir", path)
        }
        return true
    }

    /// Makes a directory within, and returns its path.
    package func makeDirectory(_ name: String) throws(StorageError) -> String {
        try Self.makePrivate("\(path)/\(name)")
        return "\(path)/\(name)"
    }

    /// Makes a file of zeros that takes no space, and returns its path.
    ///
    /// - Parameter size: in bytes.
    package func makeFile(_ name: String, size: Int64) throws(StorageError) -> String {
        let file = try Descriptor(opening: "\(path)/\(name)", O_RDWR | O_CREAT | O_EXCL)
        try checkErrno(ftruncate(file.raw, off_t(size)), "ftruncate", "\(path)/\(name)")
        return "\(path)/\(name)"
    }

    /// Removes everything, mounts and loop devices included.
    package func remove() throws(StorageError) { try ScratchTree.remove(path) }

    /// Makes a directory that no other user may enter; an existing one must be such.
    private static func makePrivate(_ path: String) throws(StorageError) {
        if mkdir(path, 0o700) == 0 { return }
        guard errno == EEXIST else { throw StorageError(errno: errno, "mkdir", path) }
        var status = stat()
        try checkErrno(lstat(path, &status), "lstat", path)
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw StorageError(.denied, "it is not a directory that is this user's alone", subject: path)
        }
    }
}
