// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage
import Synchronization

/// The intents whose work has not been seen to end, each a file in the state directory; and of formats
/// that have ended, until their volumes are first mounted.
///
/// An intent is on stable storage (its file and its directory synced) before ``record(_:)`` returns. It is taken out
/// when its work has ended well, or when recovery has determined its result.
struct IntentJournal: Sendable {
    private let directory: String
    /// This boot of the machine.
    let boot: String
    private let removed = RemovedRecords()

    init(stateDirectory: String) throws(StorageError) {
        directory = "\(stateDirectory)/intents"
        boot = try ProcFS.bootID()
    }

    /// Records that `work` on a disk, or a volume of it, is about to begin.
    @discardableResult
    func record(
        _ work: Intent.Work, _ target: String, on disk: DiskNode, filesystem: FilesystemKind? = nil,
        uuid: String? = nil,
        partition: String? = nil, size: Int64? = nil
    ) throws(StorageError) -> Intent {
        let intent = Intent(
            work: work, target: target, disk: disk.number, names: disk.features.names, boot: boot,
            filesystem: filesystem, uuid: uuid, partition: partition, size: size)
        try record(intent)
        return intent
    }

    func record(_ intent: Intent) throws(StorageError) {
        try makeDirectories(directory)
        let path = path(intent.work, intent.target)
        try StateFile.write(intent.text, to: path)
        removed.remove(path)
    }

    /// The intent for that work on that target, if there is one.
    func intent(_ work: Intent.Work, _ target: String) throws(StorageError) -> Intent? {
        let path = path(work, target)
        guard !removed.contains(path), let text = try StateFile.read(path) else { return nil }
        // An intent that cannot be parsed allows nothing.
        return Intent(text: text)
    }

    /// The partitioning of a disk that was cut off, if one was. After a restart of the machine the disk has
    /// another number, and is known by its names.
    func partitioning(of node: DiskNode) throws(StorageError) -> Intent? {
        if let intent = try intent(.partition, "\(node.number)"), intent.isOfThisDisk(node, boot: boot) {
            return intent
        }
        return all().first { $0.work == .partition && $0.isOfThisDisk(node, boot: boot) }
    }

    /// A record that cannot be removed, on a disk that is full or read-only, has no effect in this process any more; a
    /// later process judges it by the content of the disk then.
    func remove(_ work: Intent.Work, _ target: String) throws(StorageError) {
        let path = path(work, target)
        if unlink(path) < 0 {
            if errno != ENOENT { removed.insert(path) }
            return
        }
        try? syncDirectory()
    }

    /// Deletes records whose disk has not come back: those that were not changed for so long, and files half written.
    /// Returns how many.
    func expire(after days: Int = 30) -> Int {
        Sysfs.readableNames(in: directory).count { name in
            let path = "\(directory)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { return false }
            let age = time(nil) - status.st_mtim.tv_sec
            guard age > days * 86_400 || (name.hasSuffix(".new") && age > 3600) else { return false }
            return unlink(path) == 0
        }
    }

    /// Takes over an earlier version's record of the volume, under the name that it had there. A copy of the disk had
    /// the same name, so the record has to be of this disk.
    func adopt(_ volume: LocatedVolume) throws(StorageError) {
        guard try Sysfs.names(in: directory).contains(where: { !$0.contains(volume.id.guid) }) else { return }
        let former = try volume.formerID().guid
        for work in [Intent.Work.format, .resize] {
            guard var intent = try intent(work, former), intent.isOf(volume.disk, boot: boot),
                try self.intent(work, volume.id.guid) == nil
            else { continue }
            intent.target = volume.id.guid
            try record(intent)
            try remove(work, former)
        }
    }

    /// All intents that can be read.
    func all() -> [Intent] {
        Sysfs.readableNames(in: directory).filter { !$0.hasSuffix(".new") }.compactMap { name in
            let path = "\(directory)/\(name)"
            return removed.contains(path) ? nil : (try? StateFile.read(path)).flatMap(Intent.init(text:))
        }
    }

    private func path(_ work: Intent.Work, _ target: String) -> String { "\(directory)/\(work.rawValue)-\(target)" }

    private func syncDirectory() throws(StorageError) {
        let directory = try Descriptor(opening: directory, O_RDONLY | O_DIRECTORY)
        try checkErrno(fsync(directory.raw), "fsync", self.directory)
    }
}

/// The records that are removed and whose files are still there.
private final class RemovedRecords: Sendable {
    private let paths = Mutex<Set<String>>([])

    func insert(_ path: String) { paths.withLock { _ = $0.insert(path) } }
    func remove(_ path: String) { paths.withLock { _ = $0.remove(path) } }
    func contains(_ path: String) -> Bool { paths.withLock { $0.contains(path) } }
}
