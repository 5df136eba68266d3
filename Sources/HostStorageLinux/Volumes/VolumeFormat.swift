// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The making of a filesystem on a volume that was proven blank: the arguments of its tool, and the steps after it.
struct VolumeFormat {
    private let making: FilesystemMaking
    private let intent: Intent
    private let journal: IntentJournal

    /// Removes the signatures that may go, proves the volume blank, and records the format.
    ///
    /// - Parameters:
    ///   - volume: its disk's lock is held.
    ///   - signature: what the caller permits to destroy.
    ///   - aftermath: the state of an earlier format.
    init(
        of volume: OpenVolume, _ filesystem: FilesystemKind, over signature: Signature?,
        _ aftermath: LinuxBackend.FormatAftermath, _ journal: IntentJournal
    ) throws(StorageError) {
        let guid = volume.id.guid
        let driver = filesystem.driver
        let uuid = driver.facts.takesUUID ? UUIDText.random() : nil
        let tool = try driver.tool(driver.facts.makingTool ?? "mkfs.\(driver.type)")
        self.journal = journal

        func note() throws(StorageError) -> Intent {
            try journal.record(.format, guid, on: volume.disk.node, filesystem: filesystem, uuid: uuid)
        }
        do throws(StorageError) {
            if let partition = volume.partition, let table = try PartitionTable(of: volume.disk) {
                try PartitionRoom.requireFree(partition.range, of: partition.number, in: table, on: volume.disk)
                try PartitionRoom.requireNothingBefore(
                    partition.range, of: partition.number, in: table, on: volume.disk)
            }
        } catch  where error.code == .inputOutput {
            throw BlankDevice.unreadable(volume.descriptor, size: volume.device.size, volume.path, error)
        }
        if aftermath == .incomplete, try Self.mayGo(volume, journal) {
            try SignatureRemoval.run(volume)
        } else if let signature, let found = try volume.content().signature {
            guard found == signature else {
                throw StorageError(
                    .failedPrecondition, "it holds \(found), not \(signature)", subject: volume.path)
            }
            _ = try note()
            try SignatureRemoval.run(volume)
        }
        let blank = try BlankVolume(volume)
        intent = try note()
        making = blank.making(of: driver, by: tool, uuid: uuid)
    }

    /// Has the disk's lock.
    private var volume: OpenVolume { making.volume }

    /// The run of the tool that makes the filesystem. It comes before ``finish()``, or ``undo()`` where it fails.
    var run: ToolRun { making.run }

    /// Whether the content is an own format that was cut off. A format that has ended, well or not, permits nothing.
    private static func mayGo(_ volume: OpenVolume, _ journal: IntentJournal) throws(StorageError) -> Bool {
        guard let intent = try journal.intent(.format, volume.id.guid), intent.finished == nil else { return false }
        switch try InterruptedFormat(intent, on: volume, boot: journal.boot) {
        case .incomplete: return true
        // Its check has found faults. It has the UUID that was drawn for it, and was never mounted.
        case .filesystem: return intent.uuid != nil
        case .unproven, .superseded: return false
        }
    }

    /// Whether the volume is as an earlier format has left it: the filesystem with that format's UUID,
    /// never used since. The call that asks for it again has nothing to do.
    static func isDone(
        _ volume: OpenVolume, _ filesystem: FilesystemKind, _ journal: IntentJournal
    ) throws(StorageError) -> Bool {
        guard let intent = try journal.intent(.format, volume.id.guid), let finished = intent.finished,
            intent.filesystem == filesystem, case .filesystem(let found) = try volume.content(),
            found == Signature(type: filesystem.rawValue, uuid: intent.uuid)
        else { return false }
        if try volume.isInUse() { return false }
        let driver = filesystem.driver
        if try driver.wasUsed(volume) { return false }
        return try finished == driver.superblockMark(on: volume)
    }

    /// Removes the output of a tool that has failed, and its intent: data written there later are not ours. The device
    /// was blank when the tool began, and its lock was held since.
    func undo() throws(StorageError) {
        do throws(StorageError) {
            let found = try volume.content().signature
            // Content with another name made the tool refuse. A program that takes no lock has written it.
            if found == nil || intent.uuid != nil && found?.uuid?.lowercased() == intent.uuid {
                try SignatureRemoval.run(volume)
            }
        } catch {
            // A tool that could not be stopped may still write.
            if error.code == .busy { return }
        }
        try journal.remove(.format, intent.target)
    }

    /// Verifies that the filesystem is there and on the disk.
    func finish() throws(StorageError) {
        try checkErrno(fsync(volume.descriptor.raw), "fsync", volume.path)
        let found = try volume.content().signature
        guard let found, found.type == intent.filesystem?.rawValue, intent.uuid == nil || found.uuid == intent.uuid
        else {
            throw StorageError(
                .internalError, "the new filesystem does not show on the volume", subject: volume.path)
        }
        try Self.conclude(intent, volume, journal)
    }

    /// Records that the format has ended.
    static func conclude(_ intent: Intent, _ volume: OpenVolume, _ journal: IntentJournal) throws(StorageError) {
        guard let driver = intent.filesystem?.driver, driver.facts.takesUUID else {
            // Nothing distinguishes it from another of its kind later.
            return try journal.remove(.format, intent.target)
        }
        var intent = intent
        intent.finished = try driver.superblockMark(on: volume)
        try journal.record(intent)
    }
}
