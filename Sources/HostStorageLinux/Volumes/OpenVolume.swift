// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// A volume whose disk is open, verified and, where it is to be changed, locked; and whose device the
/// kernel knows. It stays in the disk's queue (``DiskSession``).
final class OpenVolume: ByteSource {
    let id: VolumeID
    let disk: OpenDisk
    /// As the table has it now, under the lock.
    let partition: PartitionTable.Partition?
    let device: VolumeDevice
    /// Keeps the device number from being given to something else.
    let descriptor: Descriptor

    enum Access {
        /// For queries about the volume as it is in use, and its unmount. For these it does not matter that the table
        /// has been changed meanwhile: they are about the device that is mounted.
        case question
        /// To look at the volume and mount it.
        case shared
        /// To change the volume's content: takes the disk's lock.
        case exclusive
        /// To change the partition table as well. When a disk that was open for writing is closed, udev probes all of
        /// it anew, so this is only for changes of the table.
        case exclusiveWithTable
    }

    /// - Parameter timeout: how long to wait for the disk's lock.
    @available(*, noasync, message: "a volume is opened in its disk's queue")
    init(
        _ volume: LocatedVolume, _ access: Access = .shared, timeout: Duration = .seconds(5)
    ) throws(StorageError) {
        let disk = try OpenDisk(volume.disk, access == .exclusiveWithTable ? O_RDWR : O_RDONLY)
        if access == .exclusive || access == .exclusiveWithTable { try disk.lock(timeout: timeout) }
        // A loop device is the same as long as its number is; other disks are asked for their names anew.
        let volumes = try disk.volumes { () throws(StorageError) in
            volume.disk.isLoop ? volume.identity : try disk.node.identity(disk)
        }
        guard let now = volumes.first(where: { $0.id == volume.id }) else {
            try disk.requireClearLayout()
            throw StorageError(.notFound, "the disk does not have this volume any more", subject: disk.path)
        }
        let device: VolumeDevice =
            if let partition = now.partition {
                try KernelPartitions(disk: disk).device(of: partition, asUsed: access == .question)
            } else {
                disk.wholeDevice
            }
        let descriptor = try Descriptor(opening: device.path, O_RDONLY | O_NONBLOCK)
        guard try descriptor.status(device.path).special == device.device else {
            throw StorageError(.failedPrecondition, "another device has come in its place", subject: device.path)
        }
        self.id = volume.id
        self.disk = disk
        self.partition = now.partition
        self.device = device
        self.descriptor = descriptor
    }

    var path: String { device.path }

    /// Bytes of its device.
    func bytes(at offset: Int64, count: Int) throws(StorageError) -> [UInt8] {
        try descriptor.bytes(at: offset, count: count, path)
    }

    /// The content of the volume, as libblkid recognises it.
    func content() throws(StorageError) -> RecognisedContent {
        try BlockProbe(descriptor, device.path).content().content
    }

    /// The type of the filesystem on the volume; anything else is refused.
    func filesystemType() throws(StorageError) -> String { try filesystem().type }

    /// The filesystem on the volume; anything else is refused.
    func filesystem() throws(StorageError) -> Signature {
        let content = try content()
        guard case .filesystem(let signature) = content else {
            throw StorageError(
                .failedPrecondition,
                content.label.map { "it holds \($0), which is no filesystem" } ?? "it is not formatted",
                subject: device.path)
        }
        return signature
    }

    /// Where it is mounted.
    func mounts() throws(StorageError) -> [Mount] { try MountTable.mounts(of: device.device) }

    /// A directory of its mounted filesystem; nil where it is not mounted. The table has places as text, and another
    /// mount may cover one, or another process have swapped a name on the way: so it is verified.
    ///
    /// - Parameter isWritable: whether it has to be of a mount that can be written through.
    func mountedDirectory(isWritable: Bool = false) throws(StorageError) -> OpenDirectory? {
        if !isWritable, let top = try directory(of: KeptMountTable.own.mounts(of: device.device)) { return top }
        return try directory(of: mounts().filter { !(isWritable && $0.options.contains("ro")) })
    }

    private func directory(of mounts: [Mount]) throws(StorageError) -> OpenDirectory? {
        for mount in mounts {
            guard let top = try? Descriptor(opening: mount.target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else {
                continue
            }
            if try top.status(mount.target).mountID == UInt64(mount.id) { return OpenDirectory(top) }
        }
        return nil
    }

    /// A directory of its filesystem, where that is mounted: in this namespace, or in any other, and then by a mount of
    /// the same filesystem that is attached nowhere. Nil where it is not mounted.
    func usedDirectory() throws(StorageError) -> OpenDirectory? {
        if let directory = try mountedDirectory() { return directory }
        // Without a mount there would be a new one, and that is no question.
        guard try isClaimed(), try !Holders.mounts(of: device.device).isEmpty else { return nil }
        let driver = try driver()
        // Read-only first: since Linux 6.8 a mount that can write makes a read-only btrfs writable. The others refuse a
        // mount that differs from theirs.
        for isReadOnly in [true, false] {
            if let top = try? FilesystemMount.privateDirectory(device, driver, isReadOnly: isReadOnly) {
                return OpenDirectory(top)
            }
        }
        return nil
    }

    /// Whether it is in use: it is mounted, in any namespace, or part of another device, or a process has it open for
    /// more than reading and keeps it so for longer than a moment.
    func isInUse() throws(StorageError) -> Bool {
        try BriefHold.isBusy { () throws(StorageError) in _ = try Descriptor.claim(device, O_RDONLY) }
    }

    /// Whether the kernel has given it to a mount, a stack or a process for its own.
    func isClaimed() throws(StorageError) -> Bool {
        try BriefHold.isBusy { () throws(StorageError) in
            _ = try Descriptor(opening: device.path, O_RDONLY | O_EXCL | O_NONBLOCK)
        }
    }

    /// Fails where the kernel lets no process write to it, or to the disk that it is on. To be checked before anything
    /// else: the error of a program or a driver on such a device seldom has the reason.
    func requireWritable() throws(StorageError) {
        try disk.requireWritable()
        if try check(cls_block_is_read_only(descriptor.raw), "BLKROGET", device.path) != 0 {
            throw StorageError(.failedPrecondition, "the disk is read-only", subject: device.path)
        }
    }

    /// Writes all cached data of the volume to its disk.
    func flush() throws(StorageError) {
        if let top = try usedDirectory() {
            try check(cls_syncfs(top.descriptor.raw), "syncfs", device.path)
        } else if try isClaimed(), case let mounts = try Holders.mounts(of: device.device), !mounts.isEmpty {
            throw StorageError(
                .failedPrecondition,
                "its filesystem is mounted and cannot be made to write its data out: it was shut down, or it is served by a "
                    + "program of another mount namespace", subject: device.path
            ).held(by: mounts)
        }
        try checkErrno(fsync(descriptor.raw), "fsync", device.path)
    }
}

@available(*, unavailable)
extension OpenVolume: Sendable {}
