// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The intents whose work has not been seen to end, each a file in the state directory; and of formats
/// that have ended, until their volumes are first mounted.
///
/// An intent is on stable storage (its file and its directory synced) before ``note(_:)`` returns. It is
/// taken out when its work has ended well, or when somebody has found out what became of it.
struct IntentJournal: Sendable {
    private let directory: String
    /// This boot of the machine.
    let boot: String

    init(stateDirectory: String) throws(StorageError) {
        directory = "\(stateDirectory)/intents"
        boot = try Sysfs.attribute("/proc/sys/kernel/random/boot_id") ?? ""
    }

    /// Notes down that `work` on a disk, or a volume of it, is about to begin.
    @discardableResult
    func note(
        _ work: Intent.Work, _ target: String, on disk: DiskNode, filesystem: FilesystemKind? = nil,
        uuid: String? = nil,
        partition: String? = nil
    ) throws(StorageError) -> Intent {
        let intent = Intent(
            work: work, target: target, disk: disk.number, names: disk.features.names, boot: boot,
            filesystem: filesystem, uuid: uuid, partition: partition)
        try note(intent)
        return intent
    }

    func note(_ intent: Intent) throws(StorageError) {
        try makeDirectories(directory)
        let path = path(intent.work, intent.target)
        let new = "\(path).new"
        do {
            let file = try Descriptor(opening: new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            var text = intent.text
            try checkErrno(text.withUTF8 { write(file.raw, $0.baseAddress, $0.count) }, "write", new)
            try checkErrno(fsync(file.raw), "fsync", new)
        }
        try checkErrno(rename(new, path), "rename", path)
        try syncDirectory()
    }

    /// The intent for that work on that target, if there is one.
    func intent(_ work: Intent.Work, _ target: String) throws(StorageError) -> Intent? {
        guard let text = try Sysfs.attribute(path(work, target)) else { return nil }
        // What cannot be understood allows nothing.
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

    func strike(_ work: Intent.Work, _ target: String) throws(StorageError) {
        if unlink(path(work, target)) < 0 {
            if errno == ENOENT { return }
            throw StorageError(errno: errno, "unlink", path(work, target))
        }
        try syncDirectory()
    }

    /// All intents that can be read.
    func all() -> [Intent] {
        Sysfs.names(in: directory).filter { !$0.hasSuffix(".new") }.compactMap { name in
            (try? Descriptor.contents(of: "\(directory)/\(name)")).flatMap(Intent.init(text:))
        }
    }

    private func path(_ work: Intent.Work, _ target: String) -> String { "\(directory)/\(work.rawValue)-\(target)" }

    private func syncDirectory() throws(StorageError) {
        let directory = try Descriptor(opening: directory, O_RDONLY | O_DIRECTORY)
        try checkErrno(fsync(directory.raw), "fsync", self.directory)
    }
}
