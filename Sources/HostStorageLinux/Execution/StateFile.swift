// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// One file of the state directory. Anything else at its place, such as a link, a pipe, or a file of another program,
/// is neither followed nor waited for nor read.
enum StateFile {
    /// Several times the greatest that is written.
    private static let greatest = 1 << 20

    /// The text; nil where there is no such file, or it cannot be one of this layer's.
    static func read(_ path: String) throws(StorageError) -> String? {
        let file: Descriptor
        do throws(StorageError) {
            file = try Descriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        } catch  where [ENOENT, ELOOP, ENXIO, ENODEV].contains(where: { error.isSystemCall(errno: $0) }) {
            return nil
        } catch {
            throw unusable(error, path)
        }
        do throws(StorageError) {
            let status = try file.status(path)
            guard status.isRegularFile, status.size <= greatest else { return nil }
            return String(decoding: try file.bytes(at: 0, count: Int(status.size), path), as: UTF8.self)
        } catch {
            throw unusable(error, path)
        }
    }

    /// Puts the text there, whole or not at all, on stable storage.
    ///
    /// - Parameters:
    ///   - unfinished: the end of the name of a file that is not whole yet.
    ///   - isLasting: false for a text that counts in this boot alone: it need not be on stable storage. After a power
    ///     failure it may be there in part.
    static func write(
        _ text: String, to path: String, unfinished: String = ".new", isLasting: Bool = true
    ) throws(StorageError) {
        let new = "\(path)\(unfinished)"
        do throws(StorageError) {
            unlink(new)
            do {
                let file = try Descriptor(opening: new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK)
                var text = text
                let count = try checkErrno(
                    text.withUTF8 { Glibc.write(file.raw, $0.baseAddress, $0.count) }, "write", new)
                guard count == text.utf8.count else { throw StorageError(errno: ENOSPC, "write", new) }
                if isLasting { try checkErrno(fsync(file.raw), "fsync", new) }
            }
            try checkErrno(rename(new, path), "rename", path)
            guard isLasting else { return }
            let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
            let holder = try Descriptor(opening: directory, O_RDONLY | O_DIRECTORY)
            try checkErrno(fsync(holder.raw), "fsync", directory)
        } catch {
            // A file that is half written takes up space.
            unlink(new)
            throw unusable(error, path)
        }
    }

    /// The state directory is at fault, and no disk is missing.
    private static func unusable(_ error: StorageError, _ path: String) -> StorageError {
        var error = error
        if error.code != .exhausted { error.code = .failedPrecondition }
        error.detail = "the state directory cannot be used: \(error.detail)"
        error.subject = path
        return error
    }
}
