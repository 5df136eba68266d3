// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// The disks of this machine, as sysfs shows them. udev is not needed.
///
/// The list is kept, and valid for as long as the kernel counts no new event: docs/decisions/0017 says of each fact why.
/// What can change without an event is read again at each look.
final class DiskInventory: Sendable {
    private struct State {
        /// Each disk as it was first seen. Its place is a hint: each use verifies it.
        var first: [DiskNumber: DiskNode] = [:]
        var last: Look?
    }

    /// One look at all disks.
    private struct Look {
        let list: DiskList
        /// The count of events before it.
        let events: UInt64
        /// Block devices that are no disks only for want of a size, or of a file: a drive can get a medium, and a loop device
        /// of some kernels a file, without an event.
        let empty: [String]
    }

    private let state = Mutex(State())
    private let eventCount: @Sendable () -> UInt64?

    /// - Parameter eventCount: nil where it is unknown: then nothing is kept.
    init(eventCount: @escaping @Sendable () -> UInt64? = { KernelEvents.count() }) { self.eventCount = eventCount }

    /// The same without a queue where nothing has changed; otherwise by a look in the inventory's queue.
    func list(on queues: BlockingQueues) async throws(StorageError) -> DiskList {
        if let list = unchangedList() { return list }
        return try await queues.run(in: .inventory) { [self] () throws(StorageError) in try list() }
    }

    /// Every disk, in the order of their numbers: the same object as before where nothing has changed.
    func list() throws(StorageError) -> DiskList {
        // Before the look, so that a change during it is one since.
        let events = eventCount()
        if let last = state.withLock({ $0.last }), last.events == events, try isAsItWas(last) { return last.list }
        let (disks, empty) = try Self.enumerate()
        return state.withLock { state in
            let list = DiskList(
                disks.sorted { $0.number < $1.number }.map { Self.compared($0, to: state.first[$0.number]) })
            state.first = Dictionary(disks.map { ($0.number, state.first[$0.number] ?? $0) }) { first, _ in first }
            state.last = events.map { Look(list: list, events: $0, empty: empty) }
            return list
        }
    }

    /// The list, where nothing can have changed in it; nil where that takes a look at disks. Reads one number of the
    /// kernel's, so it needs no queue.
    func unchangedList() -> DiskList? {
        guard let last = state.withLock({ $0.last }), last.list.changesWithEventsAlone, last.empty.isEmpty,
            last.events == eventCount()
        else { return nil }
        return last.list
    }

    /// Every disk, in the order of their numbers.
    func disks() throws(StorageError) -> [DiskNode] { try list().disks }

    /// The disk of that number, if it is still there.
    func disk(_ number: DiskNumber) throws(StorageError) -> DiskNode {
        if let disk = unchangedList()?[number] { return disk }
        if let disk = state.withLock({ $0.first[number] }),
            try Sysfs.number("\(disk.sysfsPath)/diskseq") == UInt64(number.rawValue)
        {
            let now = DiskNode(
                name: disk.name, number: number, device: disk.device, features: try DiskNode.features(ofDisk: disk.name)
            )
            return Self.compared(now, to: disk)
        }
        guard let disk = try list()[number] else {
            throw StorageError(.notFound, "there is no such disk", subject: "disk \(number)")
        }
        return disk
    }

    /// The disk of the kernel's name, if there is one that an operator would call a disk.
    func disk(named name: String) throws(StorageError) -> DiskNode? {
        if let disk = unchangedList()?[name: name] { return disk }
        guard try Self.isDisk(name) == .yes, let disk = try DiskNode(ofDevice: name) else { return nil }
        return state.withLock { state in
            let first = state.first[disk.number]
            if first == nil { state.first[disk.number] = disk }
            return Self.compared(disk, to: first)
        }
    }

    private static func compared(_ disk: DiskNode, to first: DiskNode?) -> DiskNode {
        var disk = disk
        disk.isUnchanged = first.map { !DiskFeatures.contradict($0.features.names, disk.features.names) } ?? true
        return disk
    }

    /// Whether all that can change without an event is as it was.
    private func isAsItWas(_ look: Look) throws(StorageError) -> Bool {
        for disk in look.list.disks where !disk.changesWithEventsAlone {
            guard try Sysfs.number("\(disk.sysfsPath)/diskseq") == UInt64(disk.number.rawValue),
                try DiskNode.features(ofDisk: disk.name) == disk.features
            else { return false }
            // One that is out of use is asked anew.
            if let state = try disk.scsiState(), state != "running" { return false }
        }
        for name in look.empty where try Self.isDisk(name) != .empty { return false }
        return true
    }

    // MARK: - What is there

    /// Fails where the list cannot be read: too few descriptors leave no disk out.
    private static func enumerate() throws(StorageError) -> (disks: [DiskNode], empty: [String]) {
        var disks: [DiskNode] = []
        var empty: [String] = []
        for name in try Sysfs.names(in: "/sys/block") {
            switch try isDisk(name) {
            // A disk that leaves meanwhile fails no query of the others.
            case .yes: if let disk = try DiskNode(ofDevice: name) { disks.append(disk) }
            case .empty: empty.append(name)
            case .no: break
            }
        }
        return (disks, empty)
    }

    private enum Verdict { case yes, no, empty }

    /// Whether an operator would call it a disk. The size does not matter, but a device without one (an empty loop
    /// device or card reader, a network block device without a server) holds nothing.
    private static func isDisk(_ name: String) throws(StorageError) -> Verdict {
        let path = "/sys/block/\(name)"
        for kind in ["ram", "zram", "sr", "fd", "md", "mtdblock"] {
            if name.hasPrefix(kind), name.dropFirst(kind.count).first?.isNumber == true { return .no }
        }
        let isLoop = name.hasPrefix("loop")
        if isLoop, try Sysfs.attribute("\(path)/loop/backing_file") == nil {
            return KernelEvents.countsLoopDevices ? .no : .empty
        }
        if name.hasPrefix("dm-") {
            guard let uuid = try Sysfs.attribute("\(path)/dm/uuid"), uuid.hasPrefix(multipathPrefix) else { return .no }
        }
        // The hidden path devices of native NVMe multipath (Documentation/ABI/stable/sysfs-block).
        if !isLoop, try Sysfs.attribute("\(path)/hidden") == "1" { return .no }
        // A path of a multipath map is held by the map.
        for holder in try Sysfs.names(in: "\(path)/holders") {
            if try Sysfs.attribute("/sys/block/\(holder)/dm/uuid")?.hasPrefix(multipathPrefix) == true { return .no }
        }
        // Of a loop device a change of size is an event.
        if try Sysfs.number("\(path)/size") == 0 { return isLoop ? .no : .empty }
        return .yes
    }

    private static let multipathPrefix = "mpath-"
}

/// All disks at one moment.
final class DiskList: Sendable {
    /// In the order of their numbers.
    let disks: [DiskNode]
    /// Whether nothing in it changes without an event of the kernel.
    let changesWithEventsAlone: Bool
    private let places: [DiskNumber: Int]
    private let names: [String: Int]

    init(_ disks: [DiskNode]) {
        self.disks = disks
        changesWithEventsAlone = disks.allSatisfy(\.changesWithEventsAlone)
        places = Dictionary(disks.enumerated().map { ($1.number, $0) }) { first, _ in first }
        names = Dictionary(disks.enumerated().map { ($1.name, $0) }) { first, _ in first }
    }

    subscript(number: DiskNumber) -> DiskNode? { places[number].map { disks[$0] } }
    subscript(name name: String) -> DiskNode? { names[name].map { disks[$0] } }
}

extension DiskNode {
    /// Whether the kernel tells of every change of its features by an event. These drivers do (Linux: drivers/block/loop.c,
    /// virtio_blk.c, drivers/nvme/host/core.c). A SCSI disk is asked for its names again by a rescan, and a drive gets a
    /// medium, without one.
    var changesWithEventsAlone: Bool {
        if name.hasPrefix("loop") { return KernelEvents.countsLoopDevices }
        return ["vd", "nvme"].contains { name.hasPrefix($0) }
    }
}
