// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// The holders of a mount or a device, read from /proc and sysfs without touching the filesystem itself, which may
/// hang. Invisible holders (a process that ends meanwhile, one of a container that hides its processes) are left out.
enum Holders {
    /// The holders of a mount: processes with a file, a directory or a program on it, and mounts below it.
    ///
    /// - Parameters:
    ///   - target: its place, without a slash at the end.
    ///   - mountID: as mountinfo and fdinfo number it.
    static func ofMount(at target: String, mountID: UInt64) -> [Holder] {
        let below = ((try? MountTable.read()) ?? []).filter { $0.target.isBeneath(target) }
        let ids = Set([mountID] + below.map { UInt64($0.id) })
        let mounts = below.map { Holder.mount(target: $0.target, seenByProcess: nil) }
        return mounts + ((try? processes { process in process.use(ofMounts: ids, at: target) }) ?? [])
    }

    /// The holders of a block device: its mounts in every namespace, devices stacked on it, processes that have it
    /// open. For the texts of errors alone: none where they cannot be found out.
    static func ofDevice(_ device: VolumeDevice) -> [Holder] { (try? ofDevice(device, withReaders: true)) ?? [] }

    /// The holders that work on a block device would disturb, or that would disturb the work: all but processes that
    /// only read it. O_EXCL alone does not show them: programs that write to a device, filesystems in user space among
    /// them, need not have claimed it, nor has a loop device on it. Fails where descriptors are too short to find out.
    static func conflictingUsers(of device: VolumeDevice) throws(StorageError) -> [Holder] {
        try ofDevice(device, withReaders: false)
    }

    /// Fails where the device is mounted, in any namespace, or stacked upon: a writer to the device would destroy that.
    static func requireNoMounts(of device: VolumeDevice) throws(StorageError) {
        let users = try conflictingUsers(of: device).filter { holder in
            if case .process = holder { false } else { true }
        }
        guard users.isEmpty else { throw StorageError(.busy, "it is in use", subject: device.path).held(by: users) }
    }

    private static func ofDevice(_ device: VolumeDevice, withReaders: Bool) throws(StorageError) -> [Holder] {
        let stacked =
            try Sysfs.names(in: "/sys/class/block/\(device.name)/holders") + LoopAliases.loops(showing: device)
            + known(or: []) { () throws(StorageError) in try LoopAliases.inUse(of: device) }
            .filter { !$0.hasPrefix("loop") }
        let processes = try RunningProcess.all()
        let disk = BlockDeviceName.disk(of: device.name)
        let whole = disk == device.name ? nil : try Sysfs.device("/sys/block/\(disk)/dev")
        let remote = try remotePlaces()
        return try mounts(of: device.device, seenBy: processes) + stacked.map { Holder.device(name: $0) }
            + Self.processes { process throws(StorageError) in
                try process.use(
                    ofDevice: device.device, on: whole, withReaders: withReaders, notAskingBeneath: remote)
            }
    }

    /// The mounts of a device in every mount namespace that a process is in.
    static func mounts(of device: DeviceNumber) throws(StorageError) -> [Holder] {
        try mounts(of: device, seenBy: RunningProcess.all())
    }

    private static func mounts(
        of device: DeviceNumber, seenBy processes: [RunningProcess]
    ) throws(StorageError) -> [Holder] {
        try everyMount(of: device, seenBy: processes).map {
            Holder.mount(target: $0.mount.target, seenByProcess: $0.process)
        }
    }

    /// Whether a filesystem on the device is mounted read-only, in whichever namespace.
    static func isMountedReadOnly(_ device: DeviceNumber) throws(StorageError) -> Bool {
        try everyMount(of: device, seenBy: RunningProcess.all()).contains { $0.mount.isReadOnlyFilesystem }
    }

    /// The mounts of a device, with a process of their namespace where that is not this one's.
    private static func everyMount(
        of device: DeviceNumber, seenBy processes: [RunningProcess]
    ) throws(StorageError) -> [(mount: Mount, process: Int32?)] {
        var found = try MountTable.mounts(of: device).map { (mount: $0, process: Int32?.none) }
        // A process sees the mounts beneath its root alone, so each root of a namespace counts.
        var seen: Set<String> = [RunningProcess.view(of: "/proc/self")]
        for process in processes where seen.insert(RunningProcess.view(of: process.directory)).inserted {
            let mounts = try known(or: []) { () throws(StorageError) in
                try MountTable.read("\(process.directory)/mountinfo")
            }
            for mount in mounts where try mount.blockDevice(in: "\(process.directory)/root") == device {
                found.append((mount: mount, process: process.id))
            }
        }
        return found
    }

    /// Where filesystems of servers are mounted. To open a process's files there could wait for the server.
    private static func remotePlaces() throws(StorageError) -> [String] { try MountTable.served() }

    /// A query's answer, or `nothing` where it cannot be answered: a process has ended, or hides. Fails where descriptors
    /// or memory are short: nothing is known then.
    static func known<Value>(
        or nothing: Value, _ query: () throws(StorageError) -> Value
    ) throws(StorageError) -> Value {
        do throws(StorageError) {
            return try query()
        } catch  where error.code != .exhausted {
            return nothing
        }
    }

    /// The processes that have locked a file with flock(2).
    static func ofLock(on file: FileStatus) -> [Holder] {
        // proc_locks(5): "1: FLOCK ADVISORY WRITE 2130 fe:00:16220513 0 EOF"; a waiting process has "->" behind "1:".
        let locks = ((try? Descriptor.contents(of: "/proc/locks")) ?? "").split(separator: "\n")
        let place = "\(file.device.major.hexadecimal):\(file.device.minor.hexadecimal):\(file.inode)"
        return locks.compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count >= 6, parts[1] == "FLOCK", parts[5] == place, let id = Int32(parts[4]), id > 0 else {
                return nil
            }
            return .process(id: id, name: RunningProcess(id: id).name, use: "lock")
        }
    }

    private static func processes(
        _ use: (RunningProcess) throws(StorageError) -> String?
    ) throws(StorageError) -> [Holder] {
        var holders: [Holder] = []
        for process in try RunningProcess.all() where !process.isAboutToRunAProgram {
            guard let use = try use(process) else { continue }
            holders.append(.process(id: process.id, name: process.name, use: use))
        }
        return holders
    }
}

/// A process as /proc shows it (proc(5)).
private struct RunningProcess {
    let id: Int32

    static func all() throws(StorageError) -> [RunningProcess] {
        try Sysfs.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.map(RunningProcess.init(id:))
    }

    var directory: String { "/proc/\(id)" }

    var name: String { (try? Sysfs.attribute("\(directory)/comm")) ?? "" }

    /// Whether it is a child of this process between its fork and its exec, where its descriptors are copies that it is
    /// about to close. A process that forks without an exec looks the same.
    var isAboutToRunAProgram: Bool {
        // proc_pid_stat(5): the name, in parentheses, can have any; then the state and the parent.
        let fields = ((try? Descriptor.contents(of: "\(directory)/stat")) ?? "").split(separator: ")").last ?? ""
        return fields.split(separator: " ").dropFirst().first == "\(getpid())"
            && Sysfs.linkText("\(directory)/exe") == Sysfs.linkText("/proc/self/exe")
    }

    /// Its use of the mount; nil for none.
    func use(ofMounts mounts: Set<UInt64>, at target: String) -> String? {
        for (link, use) in [("cwd", "current directory"), ("root", "root directory"), ("exe", "program")]
        where isIn(Sysfs.linkText("\(directory)/\(link)"), target) {
            return use
        }
        for descriptor in Sysfs.readableNames(in: "\(directory)/fdinfo") {
            let info = (try? Descriptor.contents(of: "\(directory)/fdinfo/\(descriptor)")) ?? ""
            if let mount = ProcFS.value(of: "mnt_id", in: info).flatMap({ UInt64($0) }), mounts.contains(mount) {
                return "open file"
            }
        }
        let maps = (try? Descriptor.contents(of: "\(directory)/maps")) ?? ""
        let isMapped = maps.split(separator: "\n").contains { line in
            line.firstIndex(of: "/").map { isIn(String(line[$0...]), target) } ?? false
        }
        return isMapped ? "mapped file" : nil
    }

    /// - Parameters:
    ///   - disk: the disk that the device is a partition of. Only processes that can write to it count.
    ///   - withReaders: whether it counts that it can only read the device.
    ///   - places: files beneath them are no devices.
    func use(
        ofDevice device: DeviceNumber, on disk: DeviceNumber?, withReaders: Bool, notAskingBeneath places: [String]
    ) throws(StorageError) -> String? {
        var canRead = false
        var servesFilesystem = false
        let descriptors = try Holders.known(or: []) { () throws(StorageError) in
            try Sysfs.names(in: "\(directory)/fd")
        }
        for name in descriptors {
            let link = "\(directory)/fd/\(name)"
            // Sockets, pipes and the like have no path. Devices have one, but by any name, in any namespace.
            guard let text = Sysfs.linkText(link), text.hasPrefix("/") || text.hasPrefix("(unreachable)"),
                text.hasPrefix("/dev/") || !places.contains(where: { isIn(text, $0) })
            else { continue }
            if text.isIdentical(to: "/dev/fuse") { servesFilesystem = true }
            guard let special = try blockDevice(link), special == device || special == disk else { continue }
            if canWrite(name) { return special == device ? "open for writing" : "its disk open for writing" }
            if special == device { canRead = true }
        }
        if try mapsForWriting(device, disk, notAskingBeneath: places) { return "mapped for writing" }
        if canRead, servesFilesystem { return "filesystem in user space" }
        return canRead && withReaders ? "open device" : nil
    }

    private func blockDevice(_ link: String) throws(StorageError) -> DeviceNumber? {
        try Holders.known(or: nil) { () throws(StorageError) in
            let status = try Descriptor(opening: link, cls_O_PATH).status(link)
            return status.isBlockDevice ? status.special : nil
        }
    }

    /// Whether it has the device in its memory, and can write to it so: a map outlives the descriptor that it was made of.
    private func mapsForWriting(
        _ device: DeviceNumber, _ disk: DeviceNumber?, notAskingBeneath places: [String]
    ) throws(StorageError) -> Bool {
        // proc_pid_maps(5): "7f…-7f… rw-s offset device inode path"
        let maps = try Holders.known(or: "") { () throws(StorageError) in
            try Descriptor.contents(of: "\(directory)/maps")
        }
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count == 6, fields[1].hasPrefix("rw"), fields[1].hasSuffix("s"),
                !places.contains(where: { isIn(String(fields[5].drop { $0 == " " }), $0) }),
                let special = try blockDevice("\(directory)/map_files/\(fields[0])")
            else { continue }
            if special == device || special == disk { return true }
        }
        return false
    }

    /// Whether its descriptor of that number can be written to. True where that is unknown.
    private func canWrite(_ descriptor: String) -> Bool {
        let info = (try? Descriptor.contents(of: "\(directory)/fdinfo/\(descriptor)")) ?? ""
        // proc_pid_fdinfo(5): octal.
        guard let flags = ProcFS.value(of: "flags", in: info).flatMap({ Int32($0, radix: 8) }) else { return true }
        return flags & O_ACCMODE != O_RDONLY
    }

    /// The machine's mounts that it sees: those of its namespace that are beneath its root.
    static func view(of directory: String) -> String {
        let namespace = Sysfs.linkName("\(directory)/ns/mnt") ?? directory
        return "\(namespace) \(Sysfs.linkText("\(directory)/root") ?? "")"
    }

    private func isIn(_ path: String?, _ target: String) -> Bool {
        path.map { $0.isIdentical(to: target) || $0.isBeneath(target) } ?? false
    }
}

extension String {
    func isBeneath(_ directory: String) -> Bool { utf8.starts(with: "\(directory)/".utf8) }
}
