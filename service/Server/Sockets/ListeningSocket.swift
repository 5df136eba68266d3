// SPDX-License-Identifier: Apache-2.0

import CUnixSocket
import Glibc
import HostStorage

/// One listening Unix socket and its file.
struct ListeningSocket: Sendable {
    let path: String
    let descriptor: Int32
    private let file: Int32

    /// Owner and group may connect; the policy decides their rights.
    private static let mode: UInt32 = 0o660
    private static let backlog: Int32 = 1024

    /// Opens a socket at every path, or none, with the reason for each that failed.
    ///
    /// The directory is made where it is missing, closed to others and of the same owner. A socket file without a
    /// server is replaced; one of a live server, or a file that is no socket, is left alone and fails the call.
    static func open(
        _ names: [String], in directory: String, owner: SocketOwner = SocketOwner()
    ) throws(StorageError) -> [ListeningSocket] {
        guard directory.hasPrefix("/") else {
            throw StorageError(
                .invalidArgument, "the directory of the sockets is to be an absolute path",
                subject: directory.isEmpty ? "an empty path" : directory)
        }
        // A path of 108 bytes with its NUL (unix(7)). Before anything is made.
        if let longest = names.map({ "\(directory)/\($0)".utf8.count }).max(), longest > 107 {
            throw StorageError(
                .invalidArgument, "the directory of the sockets is \(longest - 107) bytes too long", subject: directory)
        }
        try makeDirectory(directory, owner)
        // Two servers that start at once must not take each other's fresh sockets for stale ones.
        let lock = cus_lock_directory(directory)
        guard lock >= 0 else { throw error(lock, "the directory cannot be locked", directory) }
        defer { close(lock) }

        var open: [ListeningSocket] = []
        var failures: [String] = []
        for name in names {
            do throws(StorageError) {
                open.append(try ListeningSocket(path: "\(directory)/\(name)", owner))
            } catch {
                failures.append("\(error)")
            }
        }
        guard failures.isEmpty else {
            for socket in open {
                close(socket.descriptor)
                socket.removeFile()
            }
            throw StorageError(.failedPrecondition, failures.joined(separator: "; "), operation: "open sockets")
        }
        return open
    }

    /// Why callers that are to reach the sockets cannot, or others can; nil where the directory is as it should be. One
    /// that was there already is left as it is: it may belong to another program.
    static func reasonAgainst(_ directory: String, for owner: SocketOwner) -> String? {
        var status = stat()
        guard stat(directory, &status) == 0 else { return nil }
        let mode = "0\(String(status.st_mode & 0o7777, radix: 8))"
        let others = status.st_mode & S_IXOTH != 0
        if status.st_uid != owner.uid, status.st_uid != 0 {
            return "it belongs to uid \(status.st_uid), which could put sockets of its own there"
        }
        if status.st_mode & S_IWOTH != 0, status.st_mode & S_ISVTX == 0 {
            return "every user can put sockets of its own there (mode \(mode))"
        }
        if !others, status.st_gid != owner.gid || status.st_mode & S_IXGRP == 0 {
            return
                "members of group \(owner.gid) cannot reach the sockets in it: it is of group \(status.st_gid) with mode \(mode); chgrp \(owner.gid) and chmod 0750 it"
        }
        return nil
    }

    /// Removes the socket's file, if the file at the path is still its own. Once.
    func removeFile() {
        _ = cus_remove(path, file)
        close(file)
    }

    private init(path: String, _ owner: SocketOwner) throws(StorageError) {
        switch cus_is_live(path) {
        case -ENOENT: break
        case 0: unlink(path)
        case 1: throw StorageError(.alreadyExists, "another server listens there", subject: path)
        case -ENOTSOCK: throw StorageError(.alreadyExists, "a file that is no socket is there", subject: path)
        case let code: throw Self.error(code, "it cannot be examined", path)
        }
        var file: Int32 = -1
        let descriptor = cus_listen(path, owner.uid, owner.gid, Self.mode, Self.backlog, &file)
        guard descriptor >= 0 else { throw Self.error(descriptor, "the socket cannot be opened", path) }
        self.path = path
        self.descriptor = descriptor
        self.file = file
    }

    private static func makeDirectory(_ directory: String, _ owner: SocketOwner) throws(StorageError) {
        var path = ""
        let names = directory.split(separator: "/")
        for (count, name) in zip(1..., names) {
            path += "/\(name)"
            // Only the last one is ours alone; above it are the system's.
            let isOurs = count == names.count
            let mode: mode_t = isOurs ? 0o750 : 0o755
            if mkdir(path, mode) < 0 {
                guard errno == EEXIST else { throw error(-errno, "the directory cannot be made", path) }
                continue
            }
            let new = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard new >= 0 else { throw error(-errno, "the directory cannot be opened", path) }
            defer { close(new) }
            // Independent of this process's umask.
            guard fchmod(new, mode) == 0 else { throw error(-errno, "the directory's mode cannot be set", path) }
            if isOurs, fchown(new, owner.uid, owner.gid) < 0 {
                throw error(-errno, "the directory cannot be given to its owner", path)
            }
        }
    }

    private static func error(_ code: Int32, _ detail: String, _ path: String) -> StorageError {
        StorageError(
            .failedPrecondition, detail, subject: path,
            cause: .systemCall("socket", errno: -code, text: String(cString: strerror(-code))))
    }
}
