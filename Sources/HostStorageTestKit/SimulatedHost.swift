// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// All that a ``MemoryBackend`` simulates: disks, files and mounts, services, and the SMB and iSCSI servers around it.
struct SimulatedHost: Sendable {
    let paths: PathPolicy
    var disks: [DiskNumber: SimulatedDisk] = [:]
    var lastDisk: UInt32 = 0
    /// The files of the host itself, under all mounts.
    var files = Node.emptyDirectory
    var mounts: [Place: MountSource] = [:]
    var shares: [SMBShare: SimulatedShare] = [:]
    var mappings: [SimulatedMapping.Key: SimulatedMapping] = [:]
    var machine = SimulatedMachine()
    var initiator = SimulatedInitiator()
}

/// What can be mounted.
enum MountSource: Sendable, Hashable, CustomStringConvertible {
    case volume(VolumeID)
    case share(SimulatedMapping.Key)

    var description: String {
        switch self {
        case .volume(let volume): "\(volume)"
        case .share(let mapping): "\(mapping.share)"
        }
    }
}

// MARK: - Disks and volumes

extension SimulatedHost {
    /// The disk, if it is there and answers.
    func disk(_ number: DiskNumber) throws(StorageError) -> SimulatedDisk {
        guard let disk = disks[number], disk.isAttached else {
            throw StorageError(.notFound, "there is no disk \(number)")
        }
        guard disk.isAnswering else {
            throw StorageError(
                .inputOutput, "disk \(number) does not answer",
                cause: .systemCall("read", errno: 5, text: "Input/output error"))
        }
        return disk
    }

    /// The disk and the index of the slot that a volume is.
    func find(_ volume: VolumeID) throws(StorageError) -> (disk: SimulatedDisk, slot: Int) {
        for number in disks.keys {
            guard let index = disks[number]?.slots.firstIndex(where: { $0.id == volume && !$0.isReserved }) else {
                continue
            }
            return (try disk(number), index)
        }
        throw StorageError(.notFound, "there is no volume \(volume)")
    }

    /// Whether no disk of the host has the volume.
    func isGone(_ volume: VolumeID) -> Bool {
        do throws(StorageError) {
            _ = try find(volume)
            return false
        } catch {
            return error.code == .notFound
        }
    }

    func refuseSystemDisk(_ disk: SimulatedDisk) throws(StorageError) {
        guard !disk.carriesSystem else {
            throw StorageError(.denied, "disk \(disk.number) carries the running system")
        }
    }

    /// The same for what a caller may do with a disk that it, or its rule, names.
    func refuseSystemDisk(
        _ disk: SimulatedDisk, unlessNamed names: (@Sendable (DiskIdentifiers) -> Bool)?
    ) throws(StorageError) {
        if let names, names(disk.identifiers) { return }
        try refuseSystemDisk(disk)
    }

    func refuseOffline(_ disk: SimulatedDisk) throws(StorageError) {
        guard disk.state == .online else {
            throw StorageError(.failedPrecondition, "disk \(disk.number) is offline")
        }
    }

    /// The filesystem of a volume, wherever its disk is now.
    subscript(filesystem volume: VolumeID) -> SimulatedDisk.Filesystem? {
        get {
            for disk in disks.values {
                for slot in disk.slots where slot.id == volume {
                    if case .filesystem(let filesystem) = slot.content { return filesystem }
                }
            }
            return nil
        }
        set {
            guard let newValue else { return }
            for (number, disk) in disks {
                if let index = disk.slots.firstIndex(where: { $0.id == volume }) {
                    disks[number]?.slots[index].content = .filesystem(newValue)
                }
            }
        }
    }
}

// MARK: - Files and mounts

extension SimulatedHost {
    /// The mount that holds `place`, which may be the place itself.
    func mount(above place: Place) -> Place? {
        mounts.keys.filter { place.starts(with: $0) }.max { $0.count < $1.count }
    }

    func mounts(strictlyBelow place: Place) -> [Place] {
        mounts.keys.filter { $0.count > place.count && $0.starts(with: place) }
    }

    /// What is at a place, through the mounts. A mount point is the root directory of its volume.
    subscript(place: Place) -> Node? {
        get {
            guard let mount = mount(above: place) else { return files[place[...]] }
            let rest = place.dropFirst(mount.count)
            switch mounts[mount] {
            case .volume(let volume)?: return self[filesystem: volume]?.files[rest]
            case .share(let mapping)?: return isUsable(mapping) ? shares[mapping.share]?.files[rest] : nil
            case nil: return nil
            }
        }
        set {
            guard let mount = mount(above: place) else {
                files[place[...]] = newValue
                return
            }
            let rest = place.dropFirst(mount.count)
            switch mounts[mount] {
            case .volume(let volume)?: self[filesystem: volume]?.files[rest] = newValue
            case .share(let mapping)?: if isUsable(mapping) { shares[mapping.share]?.files[rest] = newValue }
            case nil: break
            }
        }
    }

    /// The place that a path names. A link on the way is refused, one at the end is the place itself.
    /// The end of the way need not exist; the directories before it need.
    func locate(_ path: HostPath) throws(StorageError) -> Place {
        let place = try actual(Place(path))
        for count in 1..<max(place.count, 1) {
            let step = Place(place.prefix(count))
            switch self[step] {
            case nil: throw StorageError(.notFound, "\(told(step)) does not exist")
            case .directory?: continue
            case .link?: throw StorageError(.failedPrecondition, "\(told(step)) is a symbolic link in the way")
            case .file?: throw StorageError(.failedPrecondition, "\(told(step)) is not a directory")
            }
        }
        return place
    }

    /// The place with the names that it has on the host, as far as it is there; differs where the case of
    /// letters does not count.
    private func actual(_ place: Place) throws(StorageError) -> Place {
        guard paths.ignoresCase else { return place }
        var actual: Place = []
        for name in place { actual.append(try self.actual(name, in: actual)) }
        return actual
    }

    private func actual(_ name: FileName, in directory: Place) throws(StorageError) -> FileName {
        guard paths.ignoresCase, case .directory(let children)? = self[directory] else { return name }
        return try NameLookup.match(name.text, among: children.keys.map(\.text)).map { FileName($0) } ?? name
    }

    /// The place as callers are told it.
    func told(_ place: Place) -> String { paths.spelling(ofHostPath: place.text) }

    /// Whether a file is in the way to the path.
    func isBelowFile(_ path: HostPath) throws(StorageError) -> Bool {
        let place = try actual(Place(path))
        return place.indices.contains { count in
            if case .file? = self[Place(place.prefix(count))] { true } else { false }
        }
    }

    /// The place that a path leads to when links are followed, each of which must lead beneath a root.
    func follow(_ path: HostPath) throws(StorageError) -> Place {
        var place: Place = []
        var rest = Place(path)[...]
        var links = 0
        while let spelled = rest.popFirst() {
            let name = try actual(spelled, in: place)
            if case .link(let target)? = self[place + [name]] {
                links += 1
                guard links <= 40 else { throw StorageError(.failedPrecondition, "too many links on the way") }
                rest = Place(try self.target(target, from: place))[...] + rest
                place = []
            } else {
                place.append(name)
            }
        }
        return try locate(try paths.place(hostPath: place.text))
    }

    /// Where the text of a link in `directory` leads, if that is within the roots.
    func target(_ target: String, from directory: Place) throws(StorageError) -> HostPath {
        guard !target.hasPrefix("/") else { return try paths.place(hostPath: target) }
        var place = directory
        for name in Place(text: target) {
            switch name.text {
            case ".": continue
            case "..": _ = place.popLast()
            default: place.append(name)
            }
        }
        return try paths.place(hostPath: place.text)
    }
}
