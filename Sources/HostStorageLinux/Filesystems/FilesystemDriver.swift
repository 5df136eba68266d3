// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Properties of a filesystem, without a look at a device.
struct FilesystemFacts: Sendable {
    /// libblkid's names of it.
    var names: [String] = []
    /// The name under which remains of it are reported; the first of its names unless given.
    var family: String?
    /// The Debian package that has its tools.
    var package = ""
    /// The tool that makes it; nil where it is not made here.
    var makingTool: String?
    /// Whether that tool takes the filesystem's UUID as an argument.
    var takesUUID = false
    /// The tool that looks for faults and changes nothing; nil where there is none.
    var check: (tool: String, arguments: [String])?
    /// Whether its tools open their device with O_EXCL. For those that do not, it is kept from others.
    var toolsClaimTheirDevice = true
    /// Where on a device the 4 KiB with its superblock are.
    var superblockOffset: Int64 = 0
    /// The kernel's name of it; libblkid's unless given.
    var kernelName: String?
    /// The names by which mount(8) finds the FUSE drivers that can stand in for the kernel; none where the kernel alone
    /// mounts it, and those made of its type unless given.
    var mountHelpers: [String]?
    /// The meaning of ENOENT from the kernel's mount, although the device is there.
    var missing: String?
}

/// All that this layer knows of one filesystem. The defaults below hold where nothing more is known.
protocol FilesystemDriver: Sendable {
    static var facts: FilesystemFacts { get }

    /// The one of its names that a device shows.
    var type: String { get }
    init(type: String)

    // MARK: Making

    /// The arguments of its tool. No tool gets a flag that forces it: the device is proven blank, and a tool that sees
    /// something there after all is to refuse. None discards: there is nothing on a blank device to discard, and on
    /// some storage it takes minutes.
    ///
    /// - Parameter uuid: empty for a filesystem that takes none.
    func makingArguments(_ device: borrowing BlankVolume, uuid: String) -> [String]

    // MARK: What is on the device

    /// - Parameter start: where on the device the filesystem begins.
    /// - Returns: nil where its size is not known.
    func readSuperblock(of device: any ByteSource, from start: Int64) throws(StorageError) -> Superblock?
    /// Whether it has ever been mounted for writing; true where that is unknown.
    func wasUsed(_ volume: OpenVolume) throws(StorageError) -> Bool
    /// Whether the superblock itself says that its mkfs has not finished.
    func isUnfinished(_ volume: OpenVolume) throws(StorageError) -> Bool
    /// Whether a page's content comes from the tool that makes it.
    ///
    /// - Parameter uuid: that was drawn for this filesystem.
    func origin(of page: Page, _ uuid: [UInt8], on volume: OpenVolume) throws(StorageError) -> Page.Origin
    /// Where copies of its superblock are on a device of this size, besides those at multiples of powers of two
    /// (``SuperblockPlaces``).
    static func superblockCopies(size: Int64) -> [Range<Int64>]
    /// Whether these bytes, 512 at least, are a copy of its superblock, or another of its headers, of a filesystem that
    /// begins with the disk.
    ///
    /// - Parameters:
    ///   - place: where on the disk they are.
    ///   - size: the disk's.
    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool

    // MARK: Checks while it is not mounted

    /// Why it wants to be repaired by ``preenRun(on:)`` before it is mounted; nil where it does not. A journal that is to
    /// be replayed is no reason: the kernel does that when it mounts.
    func reasonToPreen(_ volume: OpenVolume) throws(StorageError) -> String?
    /// The run that repairs what needs no person's decision. Its exit status is a ``CheckStatus``. The device is not in
    /// use and its disk's lock is held.
    func preenRun(on volume: OpenVolume) throws(StorageError) -> ToolRun

    // MARK: Size and growth

    /// The size of the mounted filesystem, of which `place` is a directory.
    func mountedBytes(of volume: OpenVolume, at place: OpenDirectory) throws(StorageError) -> Int64
    /// The filesystem's size on this device; of one on several devices, not its size on all.
    func ownBytes(of volume: OpenVolume, at place: OpenDirectory?) throws(StorageError) -> Int64
    /// Whether nothing of it is on the device beyond the size that it states.
    func endsWithItsSize(on volume: OpenVolume) throws(StorageError) -> Bool
    /// With fewer bytes than these behind it the filesystem may stay as it is.
    func leastGrowth(of volume: OpenVolume) throws(StorageError) -> Int64
    /// Fails, before anything is changed, where it cannot be grown to a device of `size` bytes as things stand.
    func prepare(_ growth: FilesystemGrowth, to size: Int64) throws(StorageError) -> FilesystemGrowth.Way
    /// Grows it by the kernel, through a directory of it, to its device's `size`.
    func grow(_ volume: OpenVolume, through top: OpenDirectory, to size: Int64) throws(StorageError)
    /// The run of its own tool that looks for faults in an unmounted filesystem before it is grown. It changes nothing
    /// but faults, and fails where the filesystem must not be grown.
    func checkRun(on volume: OpenVolume) throws(StorageError) -> ToolRun
    /// The runs of its own tools that grow it, unmounted, to the end of its device, in this order.
    func growthRuns(on volume: OpenVolume) throws(StorageError) -> [ToolRun]

    // MARK: Mounting

    /// Preparation before the kernel mounts it.
    func prepareMount(of device: VolumeDevice, isReadOnly: Bool) throws(StorageError)
    /// Handles a mount that the kernel has refused, or fails.
    ///
    /// - Parameter mount: tries it again, with these flags.
    func afterRefusal(
        _ refusal: StorageError, of device: VolumeDevice, _ copies: FilesystemCopies,
        mount: ([String]) throws(StorageError) -> Descriptor
    ) throws(StorageError) -> Descriptor
    /// Whether a mount that is of no block device is one of this device.
    func isMounted(_ device: VolumeDevice, below mount: borrowing Descriptor) throws(StorageError) -> Bool
    /// The kernel's names of all devices of the mounted filesystem that has this one; none of a filesystem that is always
    /// on one device.
    static func mountedDevices(with device: String) throws(StorageError) -> [String]
    /// The device's role in its filesystem.
    func member(on device: any ByteSource, from start: Int64) throws(StorageError) -> FilesystemMember
}

/// The drivers by name. A new filesystem is a file beside this one and a name here.
enum FilesystemDrivers {
    static let all: [any FilesystemDriver.Type] = [
        Ext4.self, XFS.self, Btrfs.self, NTFS.self, ExFAT.self, FAT.self, F2FS.self, OCFS2.self, LUKS.self,
    ]

    private static let byName = Dictionary(
        all.flatMap { driver in driver.facts.names.map { ($0, driver) } }, uniquingKeysWith: { first, _ in first })

    /// - Parameter type: as libblkid names it.
    static func driver(of type: String) -> any FilesystemDriver {
        (byName[type] ?? OtherFilesystem.self).init(type: type)
    }

    /// The kernel's names of the devices of a mounted filesystem on several, one of which is this.
    static func mountedDevices(with device: String) throws(StorageError) -> [String] {
        var devices: [String] = []
        for driver in all { devices += try driver.mountedDevices(with: device) }
        return devices
    }
}

extension FilesystemKind {
    var driver: any FilesystemDriver { FilesystemDrivers.driver(of: rawValue) }
}

/// A filesystem that this layer knows nothing of but that the kernel, or a FUSE driver, may mount it.
private struct OtherFilesystem: FilesystemDriver {
    static let facts = FilesystemFacts()
    let type: String
}

/// The role of a device in a filesystem that can have several.
struct FilesystemMember: Sendable {
    /// Of a filesystem that is always on one device.
    static let alone = FilesystemMember(filesystem: [], count: 1, id: 0, bytes: 0)

    /// Of the filesystem, which all its devices share, and copies of them too.
    let filesystem: [UInt8]
    /// How many devices it has.
    let count: Int64
    /// The device's number in the filesystem.
    let id: UInt64
    let bytes: Int64
}

// MARK: - Defaults

extension FilesystemDriver {
    func makingArguments(_ device: borrowing BlankVolume, uuid: String) -> [String] { [] }
    func readSuperblock(of device: any ByteSource, from start: Int64) throws(StorageError) -> Superblock? { nil }
    func wasUsed(_ volume: OpenVolume) throws(StorageError) -> Bool { true }
    func isUnfinished(_ volume: OpenVolume) throws(StorageError) -> Bool { false }
    func origin(of page: Page, _ uuid: [UInt8], on volume: OpenVolume) throws(StorageError) -> Page.Origin { .foreign }
    static func superblockCopies(size: Int64) -> [Range<Int64>] { [] }
    static func isRemnant(_ bytes: [UInt8], at place: Int64, size: Int64) -> Bool { false }
    func reasonToPreen(_ volume: OpenVolume) throws(StorageError) -> String? { nil }
    func preenRun(on volume: OpenVolume) throws(StorageError) -> ToolRun { throw cannot("be checked", volume) }

    func mountedBytes(of volume: OpenVolume, at place: OpenDirectory) throws(StorageError) -> Int64 {
        let figures = try place.descriptor.filesystemFigures(volume.path)
        return Int64(figures.f_blocks) * Int64(figures.f_frsize)
    }
    func ownBytes(of volume: OpenVolume, at place: OpenDirectory?) throws(StorageError) -> Int64 {
        try totalBytes(of: volume, at: place)
    }
    func endsWithItsSize(on volume: OpenVolume) throws(StorageError) -> Bool { false }
    func leastGrowth(of volume: OpenVolume) throws(StorageError) -> Int64 { 2 << 20 }
    func prepare(_ growth: FilesystemGrowth, to size: Int64) throws(StorageError) -> FilesystemGrowth.Way {
        throw cannot("grow", growth.volume)
    }
    func grow(_ volume: OpenVolume, through top: OpenDirectory, to size: Int64) throws(StorageError) {
        throw cannot("grow", volume)
    }
    func checkRun(on volume: OpenVolume) throws(StorageError) -> ToolRun { throw cannot("grow", volume) }
    func growthRuns(on volume: OpenVolume) throws(StorageError) -> [ToolRun] { throw cannot("grow", volume) }
    func prepareMount(of device: VolumeDevice, isReadOnly: Bool) throws(StorageError) {}
    func afterRefusal(
        _ refusal: StorageError, of device: VolumeDevice, _ copies: FilesystemCopies,
        mount: ([String]) throws(StorageError) -> Descriptor
    ) throws(StorageError) -> Descriptor { throw refusal }
    func isMounted(_ device: VolumeDevice, below mount: borrowing Descriptor) throws(StorageError) -> Bool { true }
    static func mountedDevices(with device: String) -> [String] { [] }
    func member(on device: any ByteSource, from start: Int64) throws(StorageError) -> FilesystemMember { .alone }

    private func cannot(_ what: String, _ volume: OpenVolume) -> StorageError {
        StorageError(.unsupported, "a filesystem of type \(type) cannot \(what)", subject: volume.path)
    }
}

// MARK: - Derived from a driver

extension FilesystemDriver {
    var facts: FilesystemFacts { Self.facts }
    var kernelName: String { facts.kernelName ?? type }
    var mountHelpers: [String] { facts.mountHelpers ?? ["\(type)-fuse", type] }
    var missing: String { facts.missing ?? "something that its \(kernelName) takes is missing" }

    /// One of its tools.
    func tool(_ name: String) throws(StorageError) -> ChildProgram {
        try ChildProgram(name, package: facts.package, claimsItsDevice: facts.toolsClaimTheirDevice)
    }

    /// A run of one of its tools, with the device as the last argument.
    func run(_ name: String, _ options: [String], on volume: OpenVolume) throws(StorageError) -> ToolRun {
        ToolRun(
            tool: try tool(name), arguments: options + [Confinement.path(of: volume.device)], device: volume.device)
    }

    func superblock(of device: any ByteSource, from start: Int64 = 0) throws(StorageError) -> Superblock {
        guard let superblock = try readSuperblock(of: device, from: start) else {
            throw StorageError(
                .unsupported, "the size of a filesystem of type \(type) is not known", subject: device.path)
        }
        let (size, blocks) = (superblock.blockSize, superblock.blocks)
        guard size > 0, blocks > 0, !size.multipliedReportingOverflow(by: blocks).overflow else {
            throw StorageError(
                .inputOutput, "the superblock of its \(type) filesystem makes no sense", subject: device.path)
        }
        return superblock
    }

    /// Something that changes with the superblock: an FNV-1a hash of its first 4 KiB, in hexadecimal. Every
    /// filesystem writes its superblock when it is used: times and mounts, generations, free blocks.
    func superblockMark(on volume: OpenVolume) throws(StorageError) -> String {
        let bytes = try volume.bytes(at: facts.superblockOffset, count: 4096)
        let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 16)
    }

    /// Its size in bytes: of a mounted one from its kernel code, else from the superblock.
    ///
    /// - Parameter place: a directory of it where it is mounted.
    func totalBytes(of volume: OpenVolume, at place: OpenDirectory?) throws(StorageError) -> Int64 {
        if let place { return try mountedBytes(of: volume, at: place) }
        return try superblock(of: volume).totalBytes
    }

    /// The run of its own tool that looks for faults in it, unmounted, and changes nothing. It exits with 0 where there
    /// are none.
    func faultRun(on volume: OpenVolume) throws(StorageError) -> ToolRun {
        guard let check = facts.check else { throw cannot("be checked", volume) }
        var run = try run(check.tool, check.arguments, on: volume)
        run.isSuccess = { _ in true }
        return run
    }
}
