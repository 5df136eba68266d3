// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// btrfs. Source of all that is read here: Btrfs On-disk Format.
struct Btrfs: FilesystemDriver {
    static let facts = FilesystemFacts(
        names: ["btrfs"], package: "btrfs-progs", makingTool: "mkfs.btrfs", takesUUID: true,
        check: ("btrfs", ["check", "--readonly"]), superblockOffset: 65536, mountHelpers: [],
        missing: "a device of this btrfs is missing, or the kernel has not registered it (btrfs device scan)")
    let type: String

    func makingArguments(_ device: borrowing BlankVolume, uuid: String) -> [String] {
        ["-q", "-K", "-U", uuid, "--", device.path]
    }

    // MARK: - What is on the device

    /// "Superblock": sizes in bytes.
    func readSuperblock(of device: any ByteSource, from start: Int64) throws(StorageError) -> Superblock? {
        let bytes = try device.bytes(at: start + facts.superblockOffset, count: 4096)
        let total = bytes.little(0x70, 8)
        return Superblock(blockSize: 1, blocks: total, freeBlocks: total - bytes.little(0x78, 8))
    }

    func member(on device: any ByteSource, from start: Int64) throws(StorageError) -> FilesystemMember {
        let bytes = try device.bytes(at: start + facts.superblockOffset, count: 4096)
        guard bytes.has(Self.magic, at: 0x40) else {
            throw StorageError(.failedPrecondition, "it holds no btrfs", subject: device.path)
        }
        return FilesystemMember(
            filesystem: Array(bytes[0x20..<0x30]), count: bytes.little(0x88, 8), id: UInt64(bytes.little(0xC9, 8)),
            bytes: bytes.little(0xC9 + 8, 8))
    }

    private static let magic = "_BHRfS_M"

    func wasUsed(_ volume: OpenVolume) throws(StorageError) -> Bool {
        Self.wasUsed(try volume.bytes(at: facts.superblockOffset, count: 4096))
    }

    /// "Superblock": log_root, cache_generation and uuid_tree_generation. mkfs leaves all three 0 or -1, and the first
    /// commit of a mount writes the last.
    ///
    /// - Parameter superblock: any of its copies.
    private static func wasUsed(_ superblock: [UInt8]) -> Bool {
        superblock.little(0x60, 8) != 0
            || [0x22B, 0x233].contains { ![0, -1].contains(superblock.little($0, 8)) }
    }

    /// Superblocks and the headers of nodes have the UUID at the same place.
    func origin(of page: Page, _ uuid: [UInt8], on volume: OpenVolume) throws(StorageError) -> Page.Origin {
        if page.has("BHRfS_M", at: 65), page.has(uuid, at: 32) {
            let isNew = page.bytes.count >= 4096 && !Self.wasUsed(page.bytes)
            return isNew && page.bytes.little(0x48, 8) <= Self.lastGeneration ? .own : .foreign
        }
        let header = try volume.bytes(at: page.offset & ~16383, count: 88)
        guard header[32..<48].elementsEqual(uuid) else { return .foreign }
        return (0...Self.lastGeneration).contains(header.little(0x50, 8)) ? .own : .foreign
    }

    /// With how many commits mkfs.btrfs of btrfs-progs 6.2 makes a filesystem of any size. A mount begins with the
    /// next one.
    private static let lastGeneration: Int64 = 6

    /// "Superblock": where it stands itself.
    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool {
        place > 0 && bytes.count >= 1024 && bytes.has(magic, at: 0x40) && bytes.little(0x30, 8) == place
    }

    // MARK: - Size and growth

    /// One of several devices is not to be judged by the sum of them.
    func ownBytes(of volume: OpenVolume, at place: OpenDirectory?) throws(StorageError) -> Int64 {
        let own = try member(on: volume, from: 0)
        guard let place else { return own.bytes }
        var bytes: UInt64 = 0
        try check(
            cls_btrfs_device_size(place.descriptor.raw, own.id, &bytes), "BTRFS_IOC_DEV_INFO", volume.path)
        return Int64(bytes)
    }

    /// It may be on more devices than this.
    func endsWithItsSize(on volume: OpenVolume) throws(StorageError) -> Bool {
        try member(on: volume, from: 0).count == 1
    }

    func prepare(_ growth: FilesystemGrowth, to size: Int64) throws(StorageError) -> FilesystemGrowth.Way {
        if try !growth.volume.isClaimed() { try growth.requireUnused() }
        // It does one piece of work on its devices at a time.
        if let mounted = try Self.mounted(with: growth.volume.device.name),
            let work = try Sysfs.attribute("\(mounted)/exclusive_operation"), work != "none"
        {
            throw StorageError(
                .failedPrecondition, "its btrfs is at work: \(work)", subject: growth.volume.path)
        }
        // A second mount of a btrfs whose copy is mounted too can lead to the copy.
        if let own = try growth.volume.mountedDirectory(isWritable: true) { return .kernel(own) }
        return .kernel(try growth.directory())
    }

    func grow(_ volume: OpenVolume, through top: OpenDirectory, to size: Int64) throws(StorageError) {
        let own = try member(on: volume, from: 0)
        try check(cls_btrfs_grow_to_maximum(top.descriptor.raw, own.id), "BTRFS_IOC_RESIZE", volume.path)
    }

    // MARK: - Mounting

    func prepareMount(of device: VolumeDevice, isReadOnly: Bool) throws(StorageError) {
        // mkfs.btrfs registers the device with the kernel by the name that it was given, /proc/PID/fd/N. Linux before
        // 6.13 keeps that as the source of the mount, by which the device cannot be found later. A btrfs that is
        // mounted already keeps its name (EBUSY), and for a kernel without one the call does nothing.
        _ = cls_btrfs_forget_name(device.path)
        // Every other filesystem refuses by itself. Since Linux 6.8 a btrfs that is mounted read-only becomes writable
        // by a second mount that can write, although it was mounted read-only on purpose.
        if !isReadOnly, try Holders.isMountedReadOnly(device.device) {
            throw StorageError(.busy, "its btrfs is mounted read-only", subject: device.path)
        }
    }

    /// Linux before 6.7 knows one device by a UUID.
    func afterRefusal(
        _ refusal: StorageError, of device: VolumeDevice, _ copies: FilesystemCopies,
        mount: ([String]) throws(StorageError) -> Descriptor
    ) throws(StorageError) -> Descriptor {
        guard refusal.isSystemCall(errno: EEXIST) else { throw refusal }
        throw StorageError(
            .failedPrecondition,
            "it has the UUID of another btrfs, which this kernel does not mount it beside; unmount that one",
            subject: device.path, cause: refusal.cause)
    }

    /// The kernel finds a btrfs by its UUID, which a copy shares with its original.
    func isMounted(_ device: VolumeDevice, below mount: borrowing Descriptor) throws(StorageError) -> Bool {
        let top = try Descriptor(in: mount, O_RDONLY | O_DIRECTORY, device.path)
        var uuid = [UInt8](repeating: 0, count: 16)
        try check(cls_btrfs_uuid(top.raw, &uuid), "BTRFS_IOC_FS_INFO", device.path)
        return try Self.members(of: "/sys/fs/btrfs/\(UUIDText.text(uuid))").contains(device.name)
    }

    /// The mount table names one of them.
    static func mountedDevices(with device: String) throws(StorageError) -> [String] {
        guard let filesystem = try mounted(with: device) else { return [] }
        return try members(of: filesystem)
    }

    /// The directory in sysfs of the mounted btrfs that has a device of this name.
    private static func mounted(with device: String) throws(StorageError) -> String? {
        for name in try Sysfs.names(in: "/sys/fs/btrfs") {
            let filesystem = "/sys/fs/btrfs/\(name)"
            if try members(of: filesystem).contains(device) { return filesystem }
        }
        return nil
    }

    private static func members(of filesystem: String) throws(StorageError) -> [String] {
        try Sysfs.names(in: "\(filesystem)/devices")
    }
}
