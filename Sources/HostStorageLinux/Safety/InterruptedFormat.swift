// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The state of a volume whose format was recorded and not seen to end.
enum InterruptedFormat: Sendable, Hashable {
    /// The tool had not yet made a filesystem, and the remains are its own.
    case incomplete
    /// The filesystem that was to be made is there, and was never mounted. Its own check shows whether it is whole.
    case filesystem
    /// There is content that cannot be proven to be ours.
    case unproven
    /// Other content is there, or the volume is in use: the intent is void.
    case superseded

    /// - Parameter volume: its disk's lock is held.
    init(_ intent: Intent, on volume: OpenVolume, boot: String) throws(StorageError) {
        switch try volume.content() {
        case .nothing:
            try Self.requireEnded(volume)
            self = try Self.areRemains(of: intent, volume, boot) ? .incomplete : .unproven
        case .filesystem(let signature)
        where signature.type == intent.filesystem?.rawValue
            && (intent.uuid == nil
                ? intent.isOfThisAttachment(volume.disk.node, boot: boot)
                : signature.uuid?.lowercased() == intent.uuid):
            if try !volume.mounts().isEmpty {
                self = .superseded
                return
            }
            try Self.requireEnded(volume)
            let driver = FilesystemDrivers.driver(of: signature.type)
            if intent.uuid == nil {
                self = .filesystem
            } else if try driver.wasUsed(volume) {
                // It holds its users' data, though it may want its log replayed.
                self = .superseded
            } else {
                self = try driver.isUnfinished(volume) ? .incomplete : .filesystem
            }
        default: self = .superseded
        }
    }

    /// A tool outlives the process that has started it.
    private static func requireEnded(_ volume: OpenVolume) throws(StorageError) {
        guard try volume.isInUse() else { return }
        throw StorageError(.aborted, "its format may still be under way", subject: volume.path)
    }

    /// Where there is no superblock, the bytes themselves have to show which tool wrote them.
    private static func areRemains(
        of intent: Intent, _ volume: OpenVolume, _ boot: String
    ) throws(StorageError) -> Bool {
        guard let kind = intent.filesystem, let uuid = intent.uuid, intent.isOfThisDisk(volume.disk.node, boot: boot)
        else { return false }
        let remains = try FormatRemains(of: kind, uuid, on: volume)
        guard remains.areOwn, remains.exist else { return remains.areOwn }
        // Bytes that only have the form of ours count as long as the disk has not been elsewhere.
        return remains.carryUUID || intent.isOfThisAttachment(volume.disk.node, boot: boot)
    }
}
