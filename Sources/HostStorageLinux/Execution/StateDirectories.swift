// SPDX-License-Identifier: Apache-2.0

import Glibc
package import HostStorage

/// Makes a directory for this layer's own files, with those above it, with access for this user alone.
func makeDirectories(_ directory: String) throws(StorageError) {
    var path = ""
    for name in directory.split(separator: "/") {
        path += "/\(name)"
        if mkdir(path, 0o700) < 0 {
            if errno == EEXIST { continue }
            var error = StorageError(errno: errno, "mkdir", path)
            // A missing directory here is this layer's, not a disk.
            if error.code == .notFound { error.code = .failedPrecondition }
            throw error
        }
        // Its own name is to survive a crash as well.
        let parent = try Descriptor(opening: "\(path)/..", O_RDONLY | O_DIRECTORY)
        try checkErrno(fsync(parent.raw), "fsync", path)
    }
}

/// Removes a file. One that is gone is success.
func removeFile(_ path: String) throws(StorageError) {
    if unlink(path) < 0, errno != ENOENT { throw StorageError(errno: errno, "unlink", path) }
}

/// Where a process keeps state for later.
package enum StateDirectory {
    /// The state directories that a program's command line may name.
    package static func require(_ path: String) throws(StorageError) {
        guard path.hasPrefix("/"), path.split(separator: "/").contains(where: { $0 != "." && $0 != ".." }) else {
            throw StorageError(
                .invalidArgument, "the state directory is to be an absolute path of a directory of its own",
                subject: path.isEmpty ? "an empty path" : path)
        }
    }

    /// Throws where it cannot be a state directory: it is no directory, or others can write to it, whose files would
    /// then decide what may be formatted. Returns the reason where it is one, and cannot be written now: nothing can be
    /// formatted or partitioned then, but mounting goes on.
    package static func examine(_ path: String) throws(StorageError) -> StorageError? {
        try require(path)
        var status = stat()
        if stat(path, &status) < 0 {
            guard errno == ENOENT else { throw StorageError(errno: errno, "stat", path) }
            do throws(StorageError) { try makeDirectories(path) } catch { return try cannotWrite(error) }
            try checkErrno(stat(path, &status), "stat", path)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StorageError(.failedPrecondition, "the state directory is no directory", subject: path)
        }
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            throw StorageError(
                .failedPrecondition, "the state directory belongs to uid \(status.st_uid), which could change it",
                subject: path)
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw StorageError(
                .failedPrecondition, "others than its owner can write the state directory; chmod go-w it", subject: path
            )
        }
        for name in try Sysfs.names(in: path) {
            let own = "\(path)/\(name)"
            guard lstat(own, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { continue }
            guard status.st_mode & S_IFMT == S_IFDIR, status.st_uid == 0 || status.st_uid == geteuid(),
                status.st_mode & (S_IWGRP | S_IWOTH) == 0
            else {
                throw StorageError(
                    .failedPrecondition,
                    "what is in the state directory is to be files, and directories that its owner alone can write",
                    subject: own)
            }
        }
        do throws(StorageError) {
            let trial = "\(path)/trial"
            try StateFile.write("trial\n", to: trial)
            unlink(trial)
            return nil
        } catch {
            return try cannotWrite(error)
        }
    }

    /// Conditions that can pass: a disk that is full, or read-only for the moment.
    private static func cannotWrite(_ error: StorageError) throws(StorageError) -> StorageError {
        guard [ENOSPC, EDQUOT, EROFS, EIO].contains(where: { error.isSystemCall(errno: $0) }) else { throw error }
        return error
    }
}
