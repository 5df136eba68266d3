// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage
import Logging

/// Recovery of operations that were cut off: by a kill of this process or of a tool, or by a power failure.
extension LinuxBackend {
    /// The state of a format after recovery.
    enum FormatAftermath: Sendable, Hashable {
        /// No format was cut off, or its remains have been overwritten or are in use.
        case none
        /// The format had ended.
        case complete
        /// The format has to be repeated.
        case incomplete
        /// There is a filesystem whose check finds faults, and nothing shows which program made it. This layer does not
        /// touch it.
        case damaged
    }

    /// Finds out the state of a volume's format that was not seen to end, and records it where it is final.
    ///
    /// - Parameter timeout: how long to wait for the disk's lock.
    func formatAftermath(_ found: LocatedVolume, timeout: Duration) async throws(StorageError) -> FormatAftermath {
        let guid = found.id.guid
        let open = { @Sendable [journal] () throws(StorageError) -> OpenVolume? in
            try journal.adopt(found)
            guard let intent = try journal.intent(.format, guid), intent.finished == nil else { return nil }
            return try OpenVolume(found, .exclusive, timeout: timeout)
        }
        return try await session(on: found, open: open) { session throws(StorageError) in
            let state = try await session.step { [journal] volume throws(StorageError) -> InterruptedFormat? in
                guard let intent = try journal.intent(.format, guid), intent.finished == nil else { return nil }
                let state = try InterruptedFormat(intent, on: volume, boot: journal.boot)
                if state == .superseded { try journal.remove(.format, guid) }
                return state
            }
            switch state {
            case nil, .superseded, .unproven: return .none
            case .incomplete: return .incomplete
            case .filesystem: return try await aftermath(ofWhole: guid, session)
            }
        } ?? .none
    }

    /// The state of a format that has left a filesystem.
    private func aftermath(
        ofWhole guid: String, _ session: DiskSession<OpenVolume>
    ) async throws(StorageError) -> FormatAftermath {
        let check = try await session.step { volume throws(StorageError) in
            try volume.driver().faultRun(on: volume)
        }
        guard try await session.run(check, deadline: Self.toolDeadline).status == 0 else {
            // It has the UUID that was drawn for it, and was never mounted: a power failure has taken a part.
            return try await session.step { [journal] _ throws(StorageError) in
                try journal.intent(.format, guid)?.uuid == nil ? .damaged : .incomplete
            }
        }
        try await session.step { [journal, logger] volume throws(StorageError) in
            guard let intent = try journal.intent(.format, guid) else { return }
            do throws(StorageError) {
                try VolumeFormat.conclude(intent, volume, journal)
            } catch {
                // The volume is whole all the same, and is looked at again.
                logger.warning("a format that came to its end cannot be noted down: \(error)")
            }
        }
        return .complete
    }

    /// Fails for a volume whose format was cut off.
    func requireComplete(_ found: LocatedVolume) async throws(StorageError) {
        switch try await formatAftermath(found, timeout: .seconds(5)) {
        case .none, .complete: return
        case .incomplete:
            throw StorageError(
                .failedPrecondition, "its format was cut off; format it again", subject: found.disk.devicePath)
        case .damaged: throw Self.damagedFormat(found)
        }
    }

    static func damagedFormat(_ found: LocatedVolume) -> StorageError {
        StorageError(
            .failedPrecondition,
            "its format was cut off, and the filesystem that it shows has faults; format it again, naming what is there",
            subject: found.disk.devicePath)
    }

    /// Recovers everything that earlier processes did not bring to an end: whole filesystems and tables are left as
    /// they are, the copies of a partition table are made to agree, and the rest is reported in the log and waits for
    /// the call that repeats it. To be called once, before anything else.
    package func recover() async {
        offline.expire()
        let expired = journal.expire()
        if expired > 0 {
            logger.notice("records of disks that have not come back were given up", metadata: ["number": "\(expired)"])
        }
        for intent in journal.all() {
            do throws(StorageError) {
                try await recover(intent)
            } catch {
                logger.warning("recovery of an interrupted \(intent.work.rawValue) of \(intent.target): \(error)")
            }
        }
        await recoverLogins()
        // Each waits for its server, and the start of the host for none.
        do throws(StorageError) {
            for mapping in try shares.recorded() { Task { await removeIfUnused(mapping) } }
        } catch {
            logger.warning("the records of mapped shares cannot be read: \(error)")
        }
    }

    private func removeIfUnused(_ mapping: ShareMapping) async {
        do throws(StorageError) {
            try await queues.run(in: .share(mapping.share)) { [shares] () throws(StorageError) in
                try shares.removeIfUnused(mapping)
            }
        } catch {
            logger.warning("an unused share stays mounted: \(error)", metadata: ["share": "\(mapping.share)"])
        }
    }

    private func recover(_ intent: Intent) async throws(StorageError) {
        switch intent.work {
        case .partition: try await recoverPartitioning(intent)
        case .format where intent.finished != nil:
            // The caller has received the answer, or repeats the call soon.
            if intent.boot != journal.boot { try journal.remove(.format, intent.target) }
        case .format:
            let found = try await volume(of: intent)
            let aftermath = try await formatAftermath(found, timeout: .seconds(5))
            logger.warning(
                "an earlier format was cut off",
                metadata: ["volume": "\(found.id)", "disk": "\(found.disk.number)", "found": "\(aftermath)"])
        case .resize:
            let found = try await volume(of: intent)
            try await onVolume(found, .exclusiveWithTable) { volume throws(StorageError) in
                if let partition = volume.partition { try PartitionGrowth.settle(partition, on: volume.disk) }
            }
            logger.warning(
                "an earlier resize was cut off; the partition table is whole, and the next resize goes on with it",
                metadata: ["volume": "\(found.id)", "disk": "\(found.disk.number)"])
        }
    }

    /// The volume that an intent is about, by its name of today or that of an earlier version.
    private func volume(of intent: Intent) async throws(StorageError) -> LocatedVolume {
        let target = try VolumeID(guid: intent.target)
        do throws(StorageError) {
            return try await index.locate(target)
        } catch  where error.code == .notFound || error.code == .unavailable {
            let former = try await index.carriers(formerly: target).filter { intent.isOf($0.disk, boot: journal.boot) }
            guard former.count == 1 else { throw error }
            try await onDisk(of: former[0]) { [journal] () throws(StorageError) in try journal.adopt(former[0]) }
            return former[0]
        }
    }

    private func recoverPartitioning(_ intent: Intent) async throws(StorageError) {
        let node = try await node(intent.disk)
        let hasVolume = try await queues.run(in: .disk(name: node.name)) { [journal] () throws(StorageError) in
            // One whose remains are in doubt waits for the call that does it again.
            let hasVolume =
                if case .table(let table) = try DiskLayout(of: OpenDisk(node)) { table.hasVolume } else { false }
            // After a restart of the machine its disk has another number, and is known by its names.
            if hasVolume || intent.boot == journal.boot && !intent.isOfThisAttachment(node, boot: journal.boot) {
                try journal.remove(.partition, intent.target)
            }
            return hasVolume
        }
        logger.warning(
            "an earlier partitioning was cut off",
            metadata: ["disk": "\(node.number)", "found": "\(hasVolume ? "whole" : "remains")"])
    }
}
