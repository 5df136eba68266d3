// SPDX-License-Identifier: Apache-2.0

import CLibMount
import CLinuxStorage
import Glibc
import HostStorage

/// One mount of this process's namespace, as /proc/self/mountinfo has it.
struct Mount: Sendable, Hashable {
    let id: Int
    /// The mount that it stands on.
    let parent: Int
    /// The device number of the filesystem. Of filesystems that span devices (btrfs) it is a number of the kernel's own
    /// making; then ``source`` names the device.
    let device: DeviceNumber
    let source: String
    /// The kernel's name of the filesystem.
    let type: String
    let target: String
    /// The directory of the filesystem that is mounted; "/" unless it is a bind mount of a part.
    let root: String
    /// Of the mount and of its filesystem, such as "ro".
    let options: MountOptions
    /// Whether the filesystem itself is read-only, and not this mount of it alone.
    var isReadOnlyFilesystem = false
}

/// Options with commas between them.
struct MountOptions: Sendable, Hashable {
    let text: String

    func contains(_ option: String) -> Bool {
        text.utf8.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(option.utf8) }
    }

    /// Each once, sorted.
    var names: [String] { Set(text.split(separator: ",").map(String.init)).sorted() }
}

/// The table of mounts, read anew at each call, in time proportional to its length. ``KeptMountTable`` has an earlier
/// reading for as long as it is unchanged: for questions, not for work that destroys.
enum MountTable {
    /// Where filesystems are mounted that a server or a program serves, which may not answer.
    static func served() throws(StorageError) -> [String] {
        try KeptMountTable.own.mounts().filter(\.isServed).map(\.target)
    }

    static func read(_ path: String = "/proc/self/mountinfo") throws(StorageError) -> [Mount] {
        parse(try Descriptor.bytes(of: path))
    }

    /// The mounts in the text of a mountinfo (proc_pid_mountinfo(5)).
    static func parse(_ text: [UInt8]) -> [Mount] {
        // Thousands of lines: no array is made of each.
        text.withUnsafeBufferPointer { text in
            text.split(separator: UInt8(ascii: "\n")).compactMap { Mount(line: UnsafeBufferPointer(rebasing: $0)) }
        }
    }

    /// The topmost mount on a name; nil where there is none, or no such name. Neither the filesystem nor its device is
    /// asked: either may be dead.
    static func top(
        on name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) -> Mount? {
        try top(on: name, in: directory, subject, among: try read())
    }

    /// The same by ``KeptMountTable``: with the options that it had when it was last mounted or changed by a mount.
    static func keptTop(
        on name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) -> Mount? {
        guard let kept = try top(on: name, in: directory, subject, among: try KeptMountTable.own.mounts()) else {
            return nil
        }
        // Where a directory above a mount was renamed, the table has the place that it was at, and another directory may
        // be there.
        return directory.cachedMountID(of: name) == kept.id ? kept : try top(on: name, in: directory, subject)
    }

    private static func top(
        on name: String, in directory: borrowing Descriptor, _ subject: String, among mounts: [Mount]
    ) throws(StorageError) -> Mount? {
        // By the text of its place first: of some filesystems (NFS) even to open the top for its path alone asks the
        // server.
        let place = Sysfs.linkText("/proc/self/fd/\(directory.raw)") ?? ""
        let target = place == "/" ? "/\(name)" : "\(place)/\(name)"
        var (top, below): (Mount?, Int) = (nil, try directory.mountID())
        while let next = mounts.first(where: { $0.stands(on: below, at: target) }) { (top, below) = (next, next.id) }
        if let top { return top }
        guard let id = try directory.mountID(of: name, subject), id != below else { return nil }
        // The place has another name by now, or one that text does not hold; or the mount has just come.
        if let top = mounts.first(where: { $0.id == id }) { return top }
        if let top = try read().first(where: { $0.id == id }) { return top }
        throw StorageError(.busy, "mounts come and go there", subject: subject)
    }

    /// The devices and files of active swap, as /proc/swaps has them; none on a kernel without swap.
    static func swaps() throws(StorageError) -> [String] {
        guard let table = mnt_new_table() else { throw StorageError(errno: ENOMEM, "mnt_new_table") }
        defer { mnt_unref_table(table) }
        let result = mnt_table_parse_swaps(table, nil)
        if result == -ENOENT { return [] }
        try check(result, "mnt_table_parse_swaps")
        var paths: [String] = []
        try forEachEntry(of: table) { entry in
            if let path = mnt_fs_get_source(entry) { paths.append(String(cString: path)) }
        }
        return paths
    }

    private static func forEachEntry(
        of table: OpaquePointer, _ body: (OpaquePointer) -> Void
    ) throws(StorageError) {
        guard let iterator = mnt_new_iter(Int32(MNT_ITER_FORWARD)) else {
            throw StorageError(errno: ENOMEM, "mnt_new_iter")
        }
        defer { mnt_free_iter(iterator) }
        var entry: OpaquePointer?
        while mnt_table_next_fs(table, iterator, &entry) == 0, let current = entry { body(current) }
    }

    /// The mounts of a block device.
    static func mounts(of device: DeviceNumber) throws(StorageError) -> [Mount] {
        var mounts: [Mount] = []
        for mount in try read() where try mount.blockDevice == device { mounts.append(mount) }
        return mounts
    }
}

extension Mount {
    /// The block device below the filesystem; nil where there is none. Fails where descriptors are too short to find out.
    var blockDevice: DeviceNumber? {
        get throws(StorageError) { try blockDevice(in: "/") }
    }

    /// The same of a mount in another mount namespace, where the source can be another thing than here.
    ///
    /// - Parameter root: the top of that namespace's tree: "/proc/PID/root".
    func blockDevice(in root: String) throws(StorageError) -> DeviceNumber? {
        if device.major != 0 { return device }
        guard source.hasPrefix("/") else { return nil }
        // For btrfs the kernel gives the source, for FUSE the driver; it can be a link, and a node outside /dev. The
        // node is looked at, and the device not opened: it may hang. So may any mount on the way to a place outside
        // /dev, and that is not entered.
        let leavesNoMount = source.hasPrefix("/dev/") ? 0 : CLS_RESOLVE_NO_XDEV
        return try Holders.known(or: nil) { () throws(StorageError) in
            let top = try Descriptor(opening: root, cls_O_PATH | O_DIRECTORY)
            let raw = cls_openat2(
                top.raw, source, UInt64(cls_O_PATH),
                CLS_RESOLVE_IN_ROOT | CLS_RESOLVE_NO_MAGICLINKS | leavesNoMount)
            let status = try Descriptor(owning: try check(raw, "openat2", source)).status(source)
            return status.isBlockDevice ? status.special : nil
        }
    }
}

extension Mount {
    /// Nil where the line is none of a mountinfo.
    fileprivate init?(line: UnsafeBufferPointer<UInt8>) {
        // "36 35 98:0 /part /place rw,noatime shared:1 - ext3 /dev/root rw,errors=continue"
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard fields.count >= 9,
            let dash = fields[6...].firstIndex(where: { $0.count == 1 && $0.first == UInt8(ascii: "-") }),
            dash + 2 < fields.count, let id = Self.number(fields[0]), let parent = Self.number(fields[1]),
            let colon = fields[2].firstIndex(of: UInt8(ascii: ":")), let major = Self.number(fields[2][..<colon]),
            let minor = Self.number(fields[2][(colon + 1)...])
        else { return nil }
        // The directory below the mount was removed, in another namespace.
        let isDeleted = fields[4].suffix(9).elementsEqual("//deleted".utf8)
        let shared = MountOptions(text: dash + 3 < fields.count ? Self.unescaped(fields[dash + 3]) : "")
        self.init(
            id: id, parent: parent, device: DeviceNumber(major: UInt32(major), minor: UInt32(minor)),
            source: Self.unescaped(fields[dash + 2]), type: Self.unescaped(fields[dash + 1]),
            target: Self.unescaped(isDeleted ? fields[4].dropLast(9) : fields[4]),
            root: Self.unescaped(fields[3]),
            options: MountOptions(text: "\(Self.unescaped(fields[5])),\(shared.text)"),
            isReadOnlyFilesystem: shared.contains("ro"))
    }

    private static func number(_ digits: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
        var number = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit), number < 1 << 40 else { return nil }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return digits.isEmpty ? nil : number
    }

    /// The kernel writes blanks, line breaks and backslashes in octal.
    private static func unescaped(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        guard text.contains(UInt8(ascii: "\\")) else { return String(decoding: text, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    fileprivate func stands(on mount: Int, at place: String) -> Bool {
        parent == mount && id != mount && target.isIdentical(to: place)
    }

    /// The kernel's name of the device below, as long as that is attached.
    var deviceName: String? {
        get throws(StorageError) {
            guard let device = try blockDevice else { return nil }
            return Sysfs.linkName("/sys/dev/block/\(device)")
        }
    }

    /// Whether the mount was made of a device: only then can the device be gone.
    private var isOfDevice: Bool { device.major != 0 || source.hasPrefix("/dev/") }

    /// Whether the device below has been taken away, and with it all that the filesystem has not written.
    var hasLostItsDevice: Bool {
        get throws(StorageError) { isOfDevice ? try deviceName == nil : false }
    }

    /// Whether the top of the filesystem is mounted, or the part of it that is its default (btrfs), and not a
    /// directory in it.
    var isWhole: Bool { root == "/" || options.contains("subvol=\(root)") }

    /// Whether the filesystem is that of the device. Of several devices that a filesystem spans, the table
    /// names one.
    func isOf(_ volume: VolumeDevice) throws(StorageError) -> Bool {
        if try blockDevice == volume.device { return true }
        guard let deviceName = try deviceName else { return false }
        return try FilesystemDrivers.mountedDevices(with: deviceName).contains(volume.name)
    }
}

extension Descriptor {
    /// The ID of the topmost mount on a name in this directory; nil where there is no such name.
    func mountID(of name: String, _ subject: String) throws(StorageError) -> Int? {
        do throws(StorageError) {
            return try Descriptor(opening: name, in: self, cls_O_PATH | O_NOFOLLOW, subject).mountID()
        } catch  where error.code == .notFound {
            return nil
        }
    }

    /// The same, where the kernel has all in memory: neither a server nor a disk is asked (openat2(2), RESOLVE_CACHED). Nil
    /// where it has not.
    func cachedMountID(of name: String) -> Int? {
        let place = cls_openat2(
            raw, name, UInt64(UInt32(bitPattern: cls_O_PATH | O_NOFOLLOW)), CLS_RESOLVE_CACHED | CLS_RESOLVE_BENEATH)
        return place >= 0 ? try? Descriptor(owning: place).mountID() : nil
    }

    /// The block device that holds the file; nil where it is on no block device. The filesystem is not asked.
    func blockDevice() throws(StorageError) -> DeviceNumber? { try mount()?.blockDevice }

    /// The mount that it was opened in; nil where that has been detached.
    func mount() throws(StorageError) -> Mount? {
        let id = try mountID()
        return try MountTable.read().first { $0.id == id }
    }
}
