// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// What a volume shows of a format that was noted down and not seen to end.
enum InterruptedFormat: Sendable, Hashable {
    /// The tool had not come to the point from which there is a filesystem.
    case remains
    /// The filesystem that was to be made is there. Whether it is whole, its own check tells.
    case filesystem
    /// Somebody has put something else there, or uses what is there: the intent means nothing any more.
    case overtaken

    /// - Parameter volume: its disk's lock is held.
    init(_ intent: Intent, on volume: OpenVolume, boot: String) throws(StorageError) {
        let isOfThisAttachment = intent.isOfThisAttachment(volume.disk.node, boot: boot)
        switch try volume.content() {
        case .nothing:
            // Until there is a superblock, remains cannot be told from somebody's bare data by looking at
            // them. They are ours only if the disk has not been elsewhere since.
            self = isOfThisAttachment ? .remains : .overtaken
        case .filesystem(let signature)
        where signature.type == intent.filesystem?.rawValue
            && (intent.uuid == nil ? isOfThisAttachment : signature.uuid?.lowercased() == intent.uuid):
            if try !volume.mounts().isEmpty {
                self = .overtaken
            } else if try volume.isInUse() {
                // A tool outlives the process that has started it.
                throw StorageError(.aborted, "its format may still be under way", subject: volume.device.path)
            } else {
                self = try Self.isUnfinished(signature.type, volume) ? .remains : .filesystem
            }
        default: self = .overtaken
        }
    }

    /// Whether the superblock itself says that its tool has not come to its end.
    private static func isUnfinished(_ type: String, _ volume: OpenVolume) throws(StorageError) -> Bool {
        switch type {
        case "xfs":
            // XFS Algorithms & Data Structures, "Superblocks": sb_inprogress
            return try volume.descriptor.bytes(at: 126, count: 1, volume.device.path) != [0]
        case "ext4":
            // Linux: Documentation/filesystems/ext4/super.rst. Not cleanly closed, though never mounted.
            let bytes = try volume.descriptor.bytes(at: 1024, count: 1024, volume.device.path)
            return bytes.little(0x3A, 2) & 1 == 0 && bytes.little(0x2C, 4) == 0 && bytes.little(0x34, 2) == 0
        default: return false
        }
    }
}
