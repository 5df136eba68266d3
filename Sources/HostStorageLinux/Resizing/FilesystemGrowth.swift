// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// The growth of a filesystem to the end of its device: by its kernel code where it can, mounted where it is or for the
/// moment privately, else by its own tool.
///
/// In this order: ``prepare(to:)`` and ``checkByTool(deadline:)`` refuse what can be refused, and only then the partition
/// grows, and the filesystem after it.
struct FilesystemGrowth: Sendable {
    let volume: OpenVolume
    let type: String
    let uuid: String?

    init(of volume: OpenVolume) throws(StorageError) {
        self.volume = volume
        let signature = try volume.filesystem()
        (type, uuid) = (signature.type, signature.uuid)
    }

    /// How it will be done.
    enum Way: Sendable {
        /// By the kernel, through a directory of the filesystem.
        case kernel(OpenDirectory)
        case tool
    }

    /// Whether the filesystem leaves `bytes` or more of its device unused. Every filesystem leaves some: less than a block,
    /// or at the end a group of blocks too small to be of use.
    func isBehind(by bytes: Int64, through directory: OpenDirectory? = nil) throws(StorageError) -> Bool {
        let size = try volume.descriptor.blockSize(volume.device.path)
        let own = try ownBytes(through: directory)
        guard own <= size else {
            throw StorageError(
                .failedPrecondition, "its \(type) has \(own) bytes, and its device only \(size)",
                subject: volume.device.path)
        }
        return size - own >= bytes
    }

    /// With fewer bytes than these behind it the filesystem may stay as it is.
    func leastGrowth() throws(StorageError) -> Int64 {
        guard type.hasPrefix("ext") else { return 2 << 20 }
        return try ExtLimits(of: volume.descriptor, volume.device.path).leastGrowth
    }

    /// What the filesystem has of this device.
    private func ownBytes(through directory: OpenDirectory?) throws(StorageError) -> Int64 {
        let path = volume.device.path
        let place = if let directory { directory } else { try volume.usedDirectory() }
        // One of several devices is not to be judged by the sum of them.
        if type == "btrfs" {
            let own = try BtrfsDevice(of: volume.descriptor, path)
            guard let place else { return own.bytes }
            var bytes: UInt64 = 0
            try check(cls_btrfs_device_size(place.descriptor.raw, own.id, &bytes), "BTRFS_IOC_DEV_INFO", path)
            return Int64(bytes)
        }
        return try FilesystemSize.totalBytes(of: volume, type: type, at: place)
    }

    // MARK: - What refuses

    /// Fails, before anything is changed, where this filesystem cannot be grown to a device of `size` bytes as things
    /// stand.
    func prepare(to size: Int64) throws(StorageError) -> Way {
        let path = volume.device.path
        switch type {
        case "xfs", "btrfs":
            if try !volume.isClaimed() { try requireUnused() }
            if type == "btrfs" { try requireNoOtherWork() }
            return .kernel(try directory())
        case "ext2", "ext3", "ext4":
            let filesystem = try ExtLimits(of: volume.descriptor, path)
            guard try volume.isClaimed() else {
                try filesystem.requireRoom(size, isMounted: false)
                try requireUnused()
                return .tool
            }
            try filesystem.requireRoom(size, isMounted: true)
            let top = try directory()
            if try !Capabilities.own().contains(.sysResource) {
                throw StorageError(
                    .failedPrecondition,
                    "growing a mounted \(type) takes CAP_SYS_RESOURCE, which this process does not have; unmount it first",
                    subject: path)
            }
            return .kernel(top)
        case "ntfs":
            try requireUnused()
            let boot = try volume.descriptor.bytes(at: 0, count: 512, path)
            let clusters = boot.little(0x0D, 1)
            // From 128 on it is a power of two.
            let cluster = boot.little(0x0B, 2) * (clusters <= 128 ? clusters : 1 << min(32, 256 - clusters))
            try require(size, atMost: cluster << 32 - cluster, "clusters of \(cluster) bytes")
            return .tool
        default:
            throw StorageError(.unsupported, "a filesystem of type \(type) cannot grow", subject: path)
        }
    }

    /// Fails where somebody works on it whose work has not been seen yet.
    func requireUnused() throws(StorageError) {
        do throws(StorageError) {
            _ = try Descriptor.claim(volume.device, O_RDONLY)
        } catch  where error.code == .busy {
            var error = error
            error.code = .failedPrecondition
            error.detail =
                error.holders.contains { !$0.isProcess }
                ? "it is mounted or part of another device, and its \(type) can grow only unmounted; unmount it first"
                : "another program works on it"
            throw error
        }
    }

    /// A directory of the filesystem. One that is not mounted is mounted for this; one that cannot be is not grown.
    private func directory() throws(StorageError) -> OpenDirectory {
        // A second mount of a btrfs whose copy is mounted too can come to the copy.
        if type == "btrfs", let own = try volume.mountedDirectory(isWritable: true) { return own }
        do throws(StorageError) {
            return OpenDirectory(try FilesystemMount.privateDirectory(volume.device, type: type))
        } catch  where error.code == .busy {
            var error = error
            error.code = .failedPrecondition
            error.detail = "it is mounted read-only, or part of another device"
            error.holders = Holders.ofDevice(volume.device)
            throw error
        }
    }

    /// btrfs does one piece of work on its devices at a time.
    private func requireNoOtherWork() throws(StorageError) {
        for filesystem in Sysfs.names(in: "/sys/fs/btrfs") {
            let path = "/sys/fs/btrfs/\(filesystem)"
            guard Sysfs.names(in: "\(path)/devices").contains(volume.device.name),
                let work = try Sysfs.attribute("\(path)/exclusive_operation"), work != "none"
            else { continue }
            throw StorageError(.failedPrecondition, "its btrfs is at work: \(work)", subject: volume.device.path)
        }
    }

    private func require(_ size: Int64, atMost limit: Int64, _ reason: String) throws(StorageError) {
        guard size > limit else { return }
        throw StorageError(
            .failedPrecondition, "its \(type) has \(reason) and can grow to \(limit) bytes, not to \(size)",
            subject: volume.device.path)
    }

    /// Has its own tool look at an unmounted filesystem that the tool is to grow: one with faults is not grown.
    func checkByTool(deadline: Duration) async throws(StorageError) {
        let (path, subject) = (Confinement.path(of: volume.device), volume.device.path)
        switch type {
        case "ntfs":
            try await ChildProgram("ntfsresize", package: "ntfs-3g").run(
                ["--info", "--no-progress-bar", "--force", "--force", path], on: volume, deadline: deadline,
                subject: subject)
        default:
            // resize2fs wants a filesystem that was just checked. 1: errors were corrected (e2fsck(8)).
            try await ChildProgram("e2fsck", package: "e2fsprogs").run(
                ["-f", "-p", path], on: volume, deadline: deadline, subject: subject, isSuccess: { $0 & ~1 == 0 })
        }
    }

    // MARK: - What grows

    /// Grows it by the kernel.
    func grow(through top: OpenDirectory) throws(StorageError) {
        // It is open until after the call, not only until its number was read.
        defer { withExtendedLifetime(top) {} }
        let place = volume.device.path
        let size = try volume.descriptor.blockSize(place)
        switch type {
        case "btrfs":
            let own = try BtrfsDevice(of: volume.descriptor, place)
            try check(cls_btrfs_grow_to_maximum(top.descriptor.raw, own.id), "BTRFS_IOC_RESIZE", place)
        case "xfs":
            var (blockSize, blocks, percent): (UInt32, UInt64, UInt32) = (0, 0, 0)
            try check(cls_xfs_geometry(top.descriptor.raw, &blockSize, &blocks, &percent), "XFS_IOC_FSGEOMETRY", place)
            let wanted = UInt64(size) / UInt64(blockSize)
            if wanted > blocks {
                try check(cls_xfs_grow(top.descriptor.raw, wanted, percent), "XFS_IOC_FSGROWFSDATA", place)
            }
        default:
            let superblock = try Superblock(of: type, on: volume.descriptor, place)
            let blocks = size / superblock.blockSize
            if superblock.blocks < blocks {
                try check(cls_ext4_grow(top.descriptor.raw, UInt64(blocks)), "EXT4_IOC_RESIZE_FS", place)
            }
        }
    }

    /// Grows an unmounted filesystem that only its own tool can grow.
    func growByTool(deadline: Duration) async throws(StorageError) {
        let (path, subject) = (Confinement.path(of: volume.device), volume.device.path)
        switch type {
        case "ntfs":
            // Twice: once for the question whether one is sure, once because each growth asks for a check by Windows.
            try await ChildProgram("ntfsresize", package: "ntfs-3g").run(
                ["--no-progress-bar", "--force", "--force", path], on: volume, deadline: deadline, subject: subject)
        default:
            try await ChildProgram("resize2fs", package: "e2fsprogs").run(
                [path], on: volume, deadline: deadline, subject: subject)
            // resize2fs 1.47.0 leaves the checksum of an orphan file wrong, with which the kernel mounts nothing.
            if try ExtLimits(of: volume.descriptor, volume.device.path).hasOrphanFile {
                try await checkByTool(deadline: deadline)
            }
        }
    }
}
