// SPDX-License-Identifier: Apache-2.0

import CLibUuid
import Glibc
import HostStorage

/// The making of a filesystem on a volume that was proven blank: what its tool is to be told, and what
/// follows it.
struct VolumeFormat: Sendable {
    /// Keeps the disk's lock.
    let volume: OpenVolume
    let tool: ChildProgram
    let arguments: [String]
    private let filesystem: FilesystemKind
    private let uuid: String?
    private let guid: String
    private let journal: IntentJournal

    /// Takes away what may go, proves the volume blank, and notes the format down.
    ///
    /// - Parameters:
    ///   - volume: its disk's lock is held.
    ///   - signature: what the caller lets go.
    init(
        of volume: OpenVolume, _ filesystem: FilesystemKind, over signature: Signature?, _ journal: IntentJournal
    ) throws(StorageError) {
        let guid = volume.id.guid
        let uuid = filesystem.takesUUID ? Self.newUUID() : nil
        tool = try filesystem.makingTool()
        arguments = filesystem.makingArguments(volume.pinnedPath, uuid: uuid)
        self.volume = volume
        self.filesystem = filesystem
        self.uuid = uuid
        self.guid = guid
        self.journal = journal

        if let intent = try journal.intent(.format, guid),
            try InterruptedFormat(intent, on: volume, boot: journal.boot) == .remains
        {
            try SignatureRemoval.run(volume)
        } else if let signature, let found = try volume.content().signature {
            guard found == signature else {
                throw StorageError(
                    .failedPrecondition, "it holds \(found), not \(signature)", subject: volume.device.path)
            }
            try note()
            try SignatureRemoval.run(volume)
        }
        // The tool claims the device for itself, so the proof's own claim has to end before. The disk's
        // lock, the open device and the disk's key in the registry stay.
        _ = try BlankProof(of: volume.device)
        try note()
    }

    private func note() throws(StorageError) {
        try journal.note(.format, guid, on: volume.disk.node, filesystem: filesystem, uuid: uuid)
    }

    /// Takes the intent back where the tool has written nothing.
    func withdrawIfBlank() throws(StorageError) {
        _ = try BlankProof(of: volume.device)
        try journal.strike(.format, guid)
    }

    /// Verifies that the filesystem is there and on the disk.
    func finish() throws(StorageError) {
        try checkErrno(fsync(volume.descriptor.raw), "fsync", volume.device.path)
        let found = try volume.content().signature
        guard found?.type == filesystem.rawValue, uuid == nil || found?.uuid == uuid else {
            throw StorageError(
                .internalError, "the new filesystem does not show on the volume", subject: volume.device.path)
        }
        try journal.strike(.format, guid)
    }

    /// Random, in lower case.
    private static func newUUID() -> String {
        var uuid = [UInt8](repeating: 0, count: 16)
        var text = [CChar](repeating: 0, count: 37)
        uuid_generate_random(&uuid)
        uuid_unparse_lower(&uuid, &text)
        return String(decoding: text.prefix(36).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
