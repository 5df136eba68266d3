// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Who keeps a mount or a device in use, read from /proc and sysfs without touching the filesystem itself,
/// which may hang. What cannot be seen (a process that ends meanwhile, one of a container that hides its
/// processes) is left out.
enum Holders {
    /// Those of a mount: processes with a file, a directory or a program on it, and mounts below it.
    ///
    /// - Parameters:
    ///   - target: its place, without a slash at the end.
    ///   - mountID: as mountinfo and fdinfo number it.
    static func ofMount(at target: String, mountID: UInt64) -> [Holder] {
        let below = ((try? MountTable.read()) ?? []).filter { $0.target.isBeneath(target) }
        let ids = Set([mountID] + below.map { UInt64($0.id) })
        let mounts = below.map { Holder.mount(target: $0.target, seenByProcess: nil) }
        return mounts + processes { $0.use(ofMounts: ids, at: target) }
    }

    /// Those of a block device: its mounts in every namespace, devices stacked on it, processes that have
    /// its node open.
    static func ofDevice(_ device: VolumeDevice) -> [Holder] {
        let mounts = (try? MountTable.mounts(of: device.device)) ?? []
        let stacked = Sysfs.names(in: "/sys/class/block/\(device.name)/holders")
        var holders = mounts.map { Holder.mount(target: $0.target, seenByProcess: nil) }
        holders += stacked.map { Holder.device(name: $0) }

        var namespaces: Set<String> = [Sysfs.linkName("/proc/self/ns/mnt") ?? ""]
        for process in RunningProcess.all() {
            guard let namespace = Sysfs.linkName("\(process.directory)/ns/mnt"),
                namespaces.insert(namespace).inserted,
                let mounts = try? MountTable.read("\(process.directory)/mountinfo")
            else { continue }
            holders += mounts.filter { $0.blockDevice == device.device }.map {
                Holder.mount(target: $0.target, seenByProcess: process.id)
            }
        }
        return holders + processes { $0.use(ofDevice: device.path) }
    }

    /// The processes that have locked a file with flock(2).
    static func ofLock(on file: FileStatus) -> [Holder] {
        // proc_locks(5): "1: FLOCK  ADVISORY  WRITE 2130 fe:00:16220513 0 EOF"; who waits has "->" behind "1:".
        let locks = ((try? Descriptor.contents(of: "/proc/locks")) ?? "").split(separator: "\n")
        let hexadecimal = [file.device.major, file.device.minor].map { number in
            (number < 16 ? "0" : "") + String(number, radix: 16)
        }
        let place = "\(hexadecimal[0]):\(hexadecimal[1]):\(file.inode)"
        return locks.compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count >= 6, parts[1] == "FLOCK", parts[5] == place, let id = Int32(parts[4]), id > 0 else {
                return nil
            }
            return .process(id: id, name: RunningProcess(id: id).name, use: "lock")
        }
    }

    private static func processes(_ use: (RunningProcess) -> String?) -> [Holder] {
        RunningProcess.all().compactMap { process in
            guard !process.isAboutToRunAProgram, let use = use(process) else { return nil }
            return .process(id: process.id, name: process.name, use: use)
        }
    }
}

/// A process as /proc shows it (proc(5)).
private struct RunningProcess {
    let id: Int32

    static func all() -> [RunningProcess] {
        Sysfs.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.map(RunningProcess.init(id:))
    }

    var directory: String { "/proc/\(id)" }

    var name: String { (try? Sysfs.attribute("\(directory)/comm")) ?? "" }

    /// Whether it is a child of this process between its fork and its exec, where what it has open are copies that it
    /// is about to close. A process that forks and goes on as itself would not be told from it.
    var isAboutToRunAProgram: Bool {
        // proc_pid_stat(5): the name, in parentheses, can have any; then the state and the parent.
        let fields = ((try? Descriptor.contents(of: "\(directory)/stat")) ?? "").split(separator: ")").last ?? ""
        return fields.split(separator: " ").dropFirst().first == "\(getpid())"
            && Sysfs.linkText("\(directory)/exe") == Sysfs.linkText("/proc/self/exe")
    }

    /// What it has there; nil for nothing.
    func use(ofMounts mounts: Set<UInt64>, at target: String) -> String? {
        for (link, use) in [("cwd", "current directory"), ("root", "root directory"), ("exe", "program")]
        where isIn(Sysfs.linkText("\(directory)/\(link)"), target) {
            return use
        }
        for descriptor in Sysfs.names(in: "\(directory)/fdinfo") {
            let info = (try? Descriptor.contents(of: "\(directory)/fdinfo/\(descriptor)")) ?? ""
            guard let line = info.split(separator: "\n").first(where: { $0.hasPrefix("mnt_id:") }),
                let mount = UInt64(line.dropFirst("mnt_id:".count).drop { $0 == "\t" || $0 == " " })
            else { continue }
            if mounts.contains(mount) { return "open file" }
        }
        let maps = (try? Descriptor.contents(of: "\(directory)/maps")) ?? ""
        let isMapped = maps.split(separator: "\n").contains { line in
            line.firstIndex(of: "/").map { isIn(String(line[$0...]), target) } ?? false
        }
        return isMapped ? "mapped file" : nil
    }

    func use(ofDevice path: String) -> String? {
        let isOpen = Sysfs.names(in: "\(directory)/fd").contains {
            Sysfs.linkText("\(directory)/fd/\($0)")?.isIdentical(to: path) ?? false
        }
        return isOpen ? "open device" : nil
    }

    private func isIn(_ path: String?, _ target: String) -> Bool {
        path.map { $0.isIdentical(to: target) || $0.isBeneath(target) } ?? false
    }
}

extension String {
    func isBeneath(_ directory: String) -> Bool { utf8.starts(with: "\(directory)/".utf8) }
}
