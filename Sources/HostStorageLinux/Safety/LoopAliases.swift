// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage
import Synchronization

/// Other block devices that show the bytes of one: loop devices on it, on its disk or on an overlapping part of the
/// same file, and the device that its disk is a loop device on.
///
/// The kernel takes them for devices that have nothing to do with each other. A filesystem that is mounted from two, or
/// written through one while it is mounted from the other, is destroyed.
enum LoopAliases {
    /// Loop devices of another disk that show bytes of the device, used or not.
    static func loops(showing device: VolumeDevice) throws(StorageError) -> [String] {
        try loops(showing: device, served: MountTable.served())
    }

    private static func loops(showing device: VolumeDevice, served: [String]) throws(StorageError) -> [String] {
        let own = try Extent(of: device.name, served: served)
        let disk = BlockDeviceName.disk(of: device.name)
        var loops: [String] = []
        for (name, backing) in try LoopBackings.all(served: served) where name != disk {
            if try backing.extent(served: served).overlaps(own) { loops.append(name) }
        }
        return loops.sorted()
    }

    /// The devices that the disk of the device is a loop device on, in turn; empty where it is none, or one on a file.
    private static func devices(below device: VolumeDevice, served: [String]) throws(StorageError) -> [String] {
        var names: [String] = []
        var name = device.name
        while names.count < 8,
            let backing = try LoopBackings.of(BlockDeviceName.disk(of: name), served: served),
            let special = backing.special, let below = Sysfs.linkName("/sys/dev/block/\(special)")
        {
            names.append(below)
            name = below
        }
        return names
    }

    /// The devices of both kinds that a mount, a stack or a process has claimed.
    static func inUse(of device: VolumeDevice) throws(StorageError) -> [String] {
        let served = try MountTable.served()
        var used: [String] = []
        for name in try loops(showing: device, served: served) + devices(below: device, served: served)
        where try isInUse(name) {
            used.append(name)
        }
        return used
    }

    /// Fails where the bytes of the volume are in use by another name.
    static func refuseUsed(of volume: OpenVolume) throws(StorageError) {
        let used = try inUse(of: volume.device)
        guard let first = used.first else { return }
        throw StorageError(.failedPrecondition, "the same bytes are in use as /dev/\(first)", subject: volume.path)
            .held(by: used.map { .device(name: $0) })
    }

    private static func isInUse(_ name: String) throws(StorageError) -> Bool {
        do throws(StorageError) {
            return try BriefHold.isBusy { () throws(StorageError) in
                _ = try BriefHold.outlast { () throws(StorageError) in
                    try Descriptor(opening: BlockDeviceName.path(of: name), O_RDONLY | O_EXCL | O_NONBLOCK)
                }
            }
        } catch  where [.notFound, .inputOutput].contains(error.code) {
            return false
        }
    }
}

/// Where the bytes of a block device are in the end: in a file, or on a disk that is no loop device.
private struct Extent {
    enum Base: Equatable {
        case disk(String)
        case file(String)
    }

    let base: Base
    let range: Range<UInt64>

    init(base: Base, range: Range<UInt64>) { (self.base, self.range) = (base, range) }

    /// - Parameters:
    ///   - part: of the device; nil for all of it.
    ///   - served: where files are that are not asked about.
    init(
        of name: String, _ part: Range<UInt64>? = nil, served: [String], depth: Int = 0
    ) throws(StorageError) {
        let disk = BlockDeviceName.disk(of: name)
        var range = part ?? 0..<UInt64.max
        if disk != name {
            let start = UInt64(try Sysfs.number("/sys/class/block/\(name)/start") ?? 0) * 512
            let size = UInt64(try Sysfs.number("/sys/class/block/\(name)/size") ?? 0) * 512
            range = range.clamped(to: 0..<size).moved(by: start)
        }
        if depth < 8, let backing = try LoopBackings.of(disk, served: served) {
            self = try backing.extent(of: range, served: served, depth: depth + 1)
        } else {
            self.init(base: .disk(disk), range: range)
        }
    }

    func overlaps(_ other: Extent) -> Bool { base == other.base && range.overlaps(other.range) }
}

/// The backings of all loop devices. Where the kernel counts an event when one gets a file, loses it, or shows another
/// part of it (``KernelEvents/countsLoopDevices``), they are kept for as long as it counts none.
private enum LoopBackings {
    private struct Look {
        let events: UInt64
        let backings: [String: LoopBacking]
    }

    private static let last = Mutex<Look?>(nil)

    static func all(served: [String]) throws(StorageError) -> [String: LoopBacking] {
        let events = KernelEvents.countsLoopDevices ? KernelEvents.count() : nil
        if let last = last.withLock({ $0 }), last.events == events {
            var backings = last.backings
            // A file that was not found by its path may be found by now.
            for (name, backing) in backings where !backing.isFound {
                backings[name] = try LoopBacking(of: name, served: served)
            }
            return backings
        }
        var backings: [String: LoopBacking] = [:]
        for name in try Sysfs.names(in: "/sys/block") where name.hasPrefix("loop") {
            backings[name] = try LoopBacking(of: name, served: served)
        }
        last.withLock { $0 = events.map { Look(events: $0, backings: backings) } }
        return backings
    }

    static func of(_ disk: String, served: [String]) throws(StorageError) -> LoopBacking? {
        disk.hasPrefix("loop") ? try all(served: served)[disk] : nil
    }
}

/// The part of a file, or of a block device, that a loop device shows, by sysfs. The device itself is not asked: that asks
/// the filesystem of its file, which may hang.
private struct LoopBacking {
    private let file: String
    private let range: Range<UInt64>
    /// The block device that its file is.
    let special: DeviceNumber?
    /// Whether the file was found by the path that the kernel has of it.
    let isFound: Bool

    /// Nil for one without a file.
    init?(of name: String, served: [String]) throws(StorageError) {
        let path = "/sys/block/\(name)/loop"
        guard let text = try Sysfs.attribute("\(path)/backing_file") else { return nil }
        let limit = UInt64(try Sysfs.number("\(path)/sizelimit") ?? 0)
        range = (0..<(limit == 0 ? .max : limit)).moved(by: UInt64(try Sysfs.number("\(path)/offset") ?? 0))
        // A file that a server or a program serves is not asked either, and known by its path alone.
        let isServed = served.contains { text.isBeneath($0) }
        let status = try Holders.known(or: nil) { () throws(StorageError) -> FileStatus? in
            isServed ? nil : try Descriptor(opening: text, cls_O_PATH).status(text)
        }
        guard let status else {
            (file, special, isFound) = (text, nil, false)
            return
        }
        file = status.isBlockDevice ? text : "\(status.device) \(status.inode)"
        special = status.isBlockDevice ? status.special : nil
        isFound = true
    }

    func extent(
        of part: Range<UInt64> = 0..<UInt64.max, served: [String], depth: Int = 0
    ) throws(StorageError) -> Extent {
        let own = part.moved(by: range.lowerBound).clamped(to: range)
        if let special, let name = Sysfs.linkName("/sys/dev/block/\(special)") {
            return try Extent(of: name, own, served: served, depth: depth)
        }
        return Extent(base: .file(file), range: own)
    }
}

extension Range<UInt64> {
    fileprivate func moved(by offset: UInt64) -> Range<UInt64> {
        func sum(_ a: UInt64) -> UInt64 {
            let sum = a.addingReportingOverflow(offset)
            return sum.overflow ? .max : sum.partialValue
        }
        return sum(lowerBound)..<sum(upperBound)
    }
}
