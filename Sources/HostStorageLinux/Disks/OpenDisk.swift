// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// A disk or a volume that is open.
protocol ByteSource {
    var path: String { get }
    func bytes(at offset: Int64, count: Int) throws(StorageError) -> [UInt8]
}

/// A disk that is open and verified to be the intended one.
///
/// While it is open its device number cannot pass to another disk: operations on the descriptor affect the disk of this
/// number. It stays in the disk's queue (``DiskSession``).
final class OpenDisk: ByteSource {
    let node: DiskNode
    let descriptor: Descriptor
    /// In bytes.
    let size: Int64
    /// The logical sector size in bytes.
    let sectorSize: Int

    /// Opens the disk and compares device number and `diskseq` on the descriptor.
    ///
    /// - Parameter flags: for open(2), such as O_RDWR or O_EXCL. O_NONBLOCK keeps removable drives from
    ///   waiting for a medium.
    @available(*, noasync, message: "a disk is opened in its queue")
    init(_ node: DiskNode, _ flags: Int32 = O_RDONLY) throws(StorageError) {
        let subject = node.devicePath
        let descriptor: Descriptor
        do throws(StorageError) {
            descriptor = try Descriptor(opening: subject, flags | O_NONBLOCK)
        } catch  where error.isSystemCall(errno: EROFS) || error.isSystemCall(errno: EACCES) {
            // SCSI does not open a write-protected disk for writing.
            try Self.requireWritable(Descriptor(opening: subject, O_RDONLY | O_NONBLOCK), subject)
            throw error
        } catch  where error.isSystemCall(errno: ENXIO) {
            guard let state = try node.scsiState(), state != "running" else { throw error }
            throw StorageError(
                .failedPrecondition, "the kernel has taken it out of use (\(state)); set it online", subject: subject,
                cause: error.cause)
        }
        let status = try descriptor.status(subject)
        guard status.isBlockDevice, status.special == node.device,
            try descriptor.diskSequence(subject) == UInt64(node.number.rawValue)
        else {
            throw StorageError(
                .notFound, "it is no longer disk \(node.number); another disk has come in its place", subject: subject)
        }
        // The kernel opens most read-only disks for writing and then refuses every write.
        if flags & O_ACCMODE != O_RDONLY { try Self.requireWritable(descriptor, subject) }
        let size = try descriptor.blockSize(subject)
        let sectorSize = try check(cls_block_sector_size(descriptor.raw), "BLKSSZGET", subject)
        self.node = node
        self.descriptor = descriptor
        self.size = size
        self.sectorSize = Int(sectorSize)
    }

    deinit { descriptor.unlock() }

    var path: String { node.devicePath }

    func bytes(at offset: Int64, count: Int) throws(StorageError) -> [UInt8] {
        try descriptor.bytes(at: offset, count: count, path)
    }

    func requireWritable() throws(StorageError) { try Self.requireWritable(descriptor, path) }

    var isReadOnly: Bool {
        get throws(StorageError) { try Self.isReadOnly(descriptor, path) }
    }

    private static func isReadOnly(_ disk: borrowing Descriptor, _ subject: String) throws(StorageError) -> Bool {
        try check(cls_block_is_read_only(disk.raw), "BLKROGET", subject) != 0
    }

    private static func requireWritable(_ disk: borrowing Descriptor, _ subject: String) throws(StorageError) {
        if try isReadOnly(disk, subject) {
            throw StorageError(.failedPrecondition, "the disk is read-only", subject: subject)
        }
    }

    /// Takes the lock that every program which changes a disk takes on the whole-disk device, so that udev
    /// does not probe meanwhile and another process of ours waits; then verifies that the disk still has the
    /// names and the size with which it was found. Released when the disk is closed.
    ///
    /// Source: systemd.io/BLOCK_DEVICE_LOCKING.
    ///
    /// - Parameter timeout: how long to wait for the lock. Others hold it for the time of a probe, or for an operation
    ///   like ours.
    func lock(timeout: Duration = .seconds(5)) throws(StorageError) {
        guard try descriptor.lock(timeout: timeout, path) else {
            throw StorageError(.aborted, "another program has held its lock for \(timeout)", subject: path)
                .held(by: Holders.ofLock(on: try descriptor.status(path)))
        }
        try verifyFeatures()
    }

    private func verifyFeatures() throws(StorageError) {
        let names = try DiskNode.features(ofDisk: node.name).names
        guard node.isUnchanged, !DiskFeatures.contradict(names, node.features.names) else {
            throw StorageError(
                .failedPrecondition, "it names itself differently than before: another disk has come in its place",
                subject: path)
        }
        guard size == node.features.size else {
            throw StorageError(
                .failedPrecondition, "its size has changed from \(node.features.size) to \(size) bytes meanwhile",
                subject: path)
        }
    }
}

@available(*, unavailable)
extension OpenDisk: Sendable {}
