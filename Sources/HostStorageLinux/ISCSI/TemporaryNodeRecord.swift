// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// A target's record while a login has another text in its place.
///
/// `iscsiadm` takes CHAP secrets from its records or from its command line, which every process can read. So for the
/// time of a login a symbolic link to a file in this process's memory stands at the record's place: no secret comes to
/// a disk, and where this process is killed, none is left. The record itself waits in a directory beside, as another
/// name of the same file, and is renamed back.
///
/// Each step is atomic; ``restore(_:)`` completes what a killed process has begun, after any step.
final class TemporaryNodeRecord: Sendable {
    private let record: NodeRecord
    private let lock: Lock
    private let file: MemoryFile

    /// - Parameters:
    ///   - text: makes the login's text from the record's.
    ///   - timeout: how long to wait for the login of another process.
    init(
        _ record: NodeRecord, timeout: Duration, _ text: (String) throws(StorageError) -> String
    ) throws(StorageError) {
        lock = try Lock(record, timeout: timeout)
        self.record = record
        try Self.restore(record)
        file = try MemoryFile(try text(try Self.text(of: record)))
        try Self.makeDirectory(record)
        try checkErrno(link(record.path, Self.place(of: record)), "link", record.path)
        do throws(StorageError) {
            let new = "\(record.temporaryDirectory)/new"
            try removeFile(new)
            try checkErrno(symlink(file.path, new), "symlink", new)
            try checkErrno(rename(new, record.path), "rename", record.path)
        } catch {
            try? Self.restore(record)
            throw error
        }
    }

    func restore() throws(StorageError) { try Self.restore(record) }

    /// Restores the records of processes that have ended, except records that others replace now.
    static func restoreAll(in database: NodeDatabase) -> [StorageError] {
        var errors: [StorageError] = []
        for name in Sysfs.readableNames(in: database.replaced) {
            guard let target = try? ISCSIName(name) else { continue }
            let records: [NodeRecord]
            do throws(StorageError) {
                records = try database.temporaryRecords(of: target)
            } catch {
                errors.append(error)
                continue
            }
            for record in records {
                do throws(StorageError) {
                    let lock = try Lock(record, timeout: .zero)
                    defer { withExtendedLifetime(lock) {} }
                    try restore(record)
                } catch  where error.code == .aborted {
                    continue
                } catch  where error.code == .notFound {
                    // The target is forgotten.
                    do throws(StorageError) { try drop(record) } catch { errors.append(error) }
                } catch {
                    errors.append(error)
                }
            }
        }
        return errors
    }

    // MARK: - Steps

    private static func place(of record: NodeRecord) -> String { "\(record.temporaryDirectory)/\(record.interface)" }

    private static func restore(_ record: NodeRecord) throws(StorageError) {
        let place = place(of: record)
        // Only the link is replaced: where the record is back already, or another process has removed it or made it
        // anew meanwhile, that stays.
        if Sysfs.linkText(record.path) != nil, rename(place, record.path) < 0, errno != ENOENT {
            throw StorageError(errno: errno, "rename", record.path)
        }
        try drop(record)
    }

    private static func drop(_ record: NodeRecord) throws(StorageError) {
        for path in [place(of: record), "\(record.temporaryDirectory)/new"] { try removeFile(path) }
        // These go with the last record that is replaced.
        for directory in record.temporaryDirectories { rmdir(directory) }
    }

    private static func makeDirectory(_ record: NodeRecord) throws(StorageError) {
        // A process that restores another record of the same target may remove the directory above as it is made.
        for _ in 0..<10 {
            do throws(StorageError) { return try makeDirectories(record.temporaryDirectory) } catch
                where error.code
                == .notFound
            { continue }
        }
        try makeDirectories(record.temporaryDirectory)
    }

    private static func text(of record: NodeRecord) throws(StorageError) -> String {
        let directory = try Descriptor(opening: record.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard try !directory.status(of: record.interface, record.path).isLink else {
            throw StorageError(
                .failedPrecondition, "its record is a link; discover the targets of its portal again",
                subject: record.path)
        }
        return try Descriptor.contents(of: record.path)
    }

    /// Shows all processes that a record is replaced, by its directory. iscsiadm has no lock on it of its own.
    private struct Lock: ~Copyable {
        private let directory: Descriptor

        init(_ record: NodeRecord, timeout: Duration) throws(StorageError) {
            let directory = try Descriptor(opening: record.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            guard try directory.lock(timeout: timeout, record.directory) else {
                throw StorageError(.aborted, "another process has been logging in to it for \(timeout)")
            }
            self.directory = consume directory
        }

        deinit { directory.unlock() }
    }
}
