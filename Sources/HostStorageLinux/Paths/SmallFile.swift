// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Small files of callers, read and written as a whole.
enum SmallFile {
    /// A pipe or device at the place is neither opened nor waited for.
    static func read(_ path: HostPath, _ resolver: ConfinedPathResolver) throws(StorageError) -> [UInt8] {
        let subject = "\(path)"
        let place = try resolver.open(path, cls_O_PATH)
        let status = try place.status(subject)
        guard status.isRegularFile else { throw notAFile(subject) }
        guard status.size <= maximumSmallFile else {
            throw StorageError(
                .outOfRange, "the file has \(status.size) bytes; at most \(maximumSmallFile) are read",
                subject: subject)
        }
        // The place is known to be a file, and this opens that very one.
        let file = try Descriptor(opening: "/proc/self/fd/\(place.raw)", O_RDONLY | O_NONBLOCK | O_NOCTTY)
        // To its end, and not by its size, which its server or a writer may have changed meanwhile.
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= maximumSmallFile {
            let count = try checkErrno(Glibc.read(file.raw, &piece, piece.count), "read", subject)
            guard count > 0 else { return bytes }
            bytes += piece[..<count]
        }
        throw StorageError(.outOfRange, "the file has more than \(maximumSmallFile) bytes", subject: subject)
    }

    static func write(
        _ bytes: [UInt8], to path: HostPath, mode: FileMode, _ resolver: ConfinedPathResolver
    ) throws(StorageError) {
        let subject = "\(path)"
        let (parent, name) = try resolver.openParent(of: path)
        try requireReplaceable(name, in: parent.descriptor, subject)
        // Beside it, for a rename does not leave a filesystem, and by a name that no other call takes.
        let new = ".\(UUIDText.random()).host-storage-new"
        do throws(StorageError) {
            do {
                let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
                let file = Descriptor(
                    owning: try checkErrno(openat(parent.descriptor.raw, new, flags, 0o600), "openat", subject))
                try file.writeAll(bytes, subject)
                try checkErrno(fchmod(file.raw, mode_t(mode.bits)), "fchmod", subject)
                try checkErrno(fsync(file.raw), "fsync", subject)
            }
            try checkErrno(
                renameat(parent.descriptor.raw, new, parent.descriptor.raw, name), "renameat", subject)
        } catch {
            unlinkat(parent.descriptor.raw, new, 0)
            throw error
        }
        let directory = try Descriptor(in: parent.descriptor, O_RDONLY | O_DIRECTORY, subject)
        try checkErrno(fsync(directory.raw), "fsync", subject)
    }

    /// Makes an empty file where nothing is.
    ///
    /// - Returns: whether it was made.
    static func ensure(
        _ path: HostPath, mode: FileMode, _ resolver: ConfinedPathResolver
    ) throws(StorageError) -> Bool {
        let subject = "\(path)"
        let (parent, name) = try resolver.openParent(of: path)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let raw = openat(parent.descriptor.raw, name, flags, 0o600)
        if raw < 0 {
            guard errno == EEXIST else { throw StorageError(errno: errno, "openat", subject) }
            // A device node that is mounted on the file is there as it was asked for.
            let isMount = try MountTable.top(on: name, in: parent.descriptor, subject) != nil
            if isMount { return false }
            guard try parent.descriptor.status(of: name, subject).isRegularFile else { throw notAFile(subject) }
            return false
        }
        let file = Descriptor(owning: raw)
        try checkErrno(fchmod(file.raw, mode_t(mode.bits)), "fchmod", subject)
        return true
    }

    private static func requireReplaceable(
        _ name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) {
        do throws(StorageError) {
            guard try directory.status(of: name, subject).isRegularFile else { throw notAFile(subject) }
        } catch  where error.code == .notFound {}
    }

    private static func notAFile(_ subject: String) -> StorageError {
        StorageError(.failedPrecondition, "something else than a file is there", subject: subject)
    }
}

extension Descriptor {
    fileprivate func writeAll(_ bytes: [UInt8], _ subject: String) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let written = bytes.withUnsafeBytes {
                Glibc.write(raw, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            done += try checkErrno(written, "write", subject)
        }
    }
}
