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
    /// The mounted volumes that take no writes for now.
    var frozen: Set<VolumeID> = []
    var shares: [SMBShare: SimulatedShare] = [:]
    var mappings: [SimulatedMapping.Key: SimulatedMapping] = [:]
    var machine = SimulatedMachine()
    var initiator = SimulatedInitiator()
}

/// Filesystems that can be mounted.
enum MountSource: Sendable, Hashable, CustomStringConvertible {
    case volume(VolumeID)
    case share(SimulatedMapping.Key)
    case bind(SimulatedBind)

    var description: String {
        switch self {
        case .volume(let volume): "\(volume)"
        case .share(let mapping): "\(mapping.share)"
        case .bind(let bind): "\(bind.part.text)"
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

    /// The same, on a disk that may be mounted or changed.
    func findUsable(
        _ volume: VolumeID, allowing use: SystemDiskUse? = nil
    ) throws(StorageError) -> (disk: SimulatedDisk, slot: Int) {
        let found = try find(volume)
        try refuseSystemDisk(found.disk, allowing: use)
        guard found.disk.state == .online else {
            throw StorageError(.failedPrecondition, "disk \(found.disk.number) is offline")
        }
        try found.disk.requireWritable()
        return found
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

    /// - Parameter use: the disks of the system that the caller, or its rule, may use all the same.
    func refuseSystemDisk(_ disk: SimulatedDisk, allowing use: SystemDiskUse? = nil) throws(StorageError) {
        guard !disk.carriesSystem || use?.names(disk.identifiers) == true else {
            throw StorageError(.denied, "disk \(disk.number) carries the running system")
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

    /// The content of a place, through the mounts. A mount point is the root directory of its volume.
    subscript(place: Place) -> Node? {
        get {
            guard let mount = mount(above: place) else { return files[place[...]] }
            let rest = place.dropFirst(mount.count)
            switch mounts[mount] {
            case .volume(let volume)?: return self[filesystem: volume]?.files[rest]
            case .share(let mapping)?: return isUsable(mapping) ? shares[mapping.share]?.files[rest] : nil
            case .bind(let bind)?: return self[bind, rest]
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
            case .bind(let bind)?: self[bind, rest] = newValue
            case nil: break
            }
        }
    }

    /// The place that a path names. A link on the way is refused, one at the end is the place itself.
    /// The end of the way need not exist; the directories before it need.
    func locate(_ path: HostPath) throws(StorageError) -> Place {
        let place = try confinedPlace(path)
        for count in 1..<max(place.count, 1) {
            let step = Place(place.prefix(count))
            switch self[step] {
            case nil: throw StorageError(.notFound, "\(displayed(step)) does not exist")
            case .directory?: continue
            case .link?: throw StorageError(.failedPrecondition, "\(displayed(step)) is a symbolic link in the way")
            case .file?: throw StorageError(.failedPrecondition, "\(displayed(step)) is not a directory")
            }
        }
        return place
    }

    /// The place with the names that it has on the host, whether it exists or not, if the call may reach it.
    func confinedPlace(_ path: HostPath) throws(StorageError) -> Place {
        try paths.requireConfinable(path)
        let place: Place
        do throws(StorageError) {
            place = try onDiskName(Place(path))
        } catch {
            // A name is revealed only where the call may look.
            try paths.requireConfined(path)
            throw error
        }
        let names = place.dropFirst(place.count - path.components.count).map(\.text)
        try paths.requireConfined(path.replacingComponents(names))
        if let confinement = path.confinement, confinement.hasDisks {
            for (mount, source) in mounts where place.starts(with: mount) {
                guard case .volume(let volume)? = source.filesystem else { continue }
                let disk = disks.values.first { $0.slots.contains { $0.id == volume } }
                guard let disk, disk.isAttached, confinement.permits(disk.identifiers) else {
                    throw .outsideConfinement("\(path)")
                }
            }
        }
        return place
    }

    /// The place with the names that it has on the host, as far as it is there; differs where the case of
    /// letters does not count.
    private func onDiskName(_ place: Place) throws(StorageError) -> Place {
        guard paths.ignoresCase else { return place }
        var actual: Place = []
        for name in place { actual.append(try self.onDiskName(name, in: actual)) }
        return actual
    }

    private func onDiskName(_ name: FileName, in directory: Place) throws(StorageError) -> FileName {
        guard paths.ignoresCase, case .directory(let children)? = self[directory] else { return name }
        return try NameLookup.match(name.text, among: children.keys.map(\.text)).map { FileName($0) } ?? name
    }

    /// The place as callers see it.
    func displayed(_ place: Place) -> String { paths.displayPath(ofHostPath: place.text) }

    /// Whether a file is in the way to the path.
    func isBelowFile(_ path: HostPath) throws(StorageError) -> Bool {
        let place = try onDiskName(Place(path))
        return place.indices.contains { count in
            if case .file? = self[Place(place.prefix(count))] { true } else { false }
        }
    }

    /// The place that a path leads to when links are followed, each of which must lead beneath a root.
    func follow(_ path: HostPath) throws(StorageError) -> Place {
        try walk(Place(path), from: [], for: path.confinement)
    }

    /// Whether the target of a link's text in `directory` exists.
    func targetExists(_ target: String, from directory: Place, for path: HostPath) throws(StorageError) -> Bool {
        do throws(StorageError) {
            return self[
                try walk(
                    Place(text: target), from: target.utf8.first == UInt8(ascii: "/") ? [] : directory,
                    followingLast: false, for: path.confinement)] != nil
        } catch  where error.code == .notFound {
            return false
        }
    }

    /// Goes name by name from a place without links. A ".." leads to the parent of the place that the names before it
    /// have led to. Outside of the call's confinement nothing is looked up.
    private func walk(
        _ names: Place, from start: Place, followingLast: Bool = true, for confinement: CallConfinement?
    ) throws(StorageError) -> Place {
        var place = start
        var rest = names[...]
        var links = 0
        var isKnown = true
        while let name = rest.popFirst() {
            if name.text == "." { continue }
            if name.text == ".." {
                guard isKnown else {
                    if confinement != nil { throw .outsideConfinement(displayed(place)) }
                    throw StorageError(.denied, "a link leads through what is not within the working directories")
                }
                _ = place.popLast()
                continue
            }
            let next = place + [name]
            guard let path = try? hostPath(next, confinement, sharesAreOpen: !followingLast),
                paths.isConfinable(path)
            else {
                place = next
                isKnown = false
                continue
            }
            let actual = path.isRoot ? Place(path) : try confinedPlace(path)
            isKnown = true
            place = actual
            guard !path.isRoot, followingLast || !rest.isEmpty else { continue }
            guard case .link(let target)? = self[actual] else { continue }
            links += 1
            guard links <= 40 else { throw StorageError(.failedPrecondition, "too many links on the way") }
            place = target.utf8.first == UInt8(ascii: "/") ? [] : Place(actual.dropLast())
            rest = Place(text: target)[...] + rest
        }
        return try locate(try hostPath(place, confinement, sharesAreOpen: !followingLast))
    }

    private func hostPath(
        _ place: Place, _ confinement: CallConfinement?, sharesAreOpen: Bool
    ) throws(StorageError) -> HostPath {
        let path = try paths.place(hostNames: place.map(\.text))
        return path.confined(to: sharesAreOpen && paths.isOfShares(path) ? nil : confinement)
    }
}
