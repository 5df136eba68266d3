// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging
import Synchronization

/// Finds volumes by their IDs. An ID is of one disk. The index remembers which, and verifies it on the disk itself each
/// time; it reads all disks only where that fails. A volume whose disk hangs is where it was.
///
/// Only disks with the same names can carry the same ID: two paths to one disk, or a copy with its original's names.
/// The kernel knows the names, so a disk that hangs does not keep the volume of another from being found.
final class VolumeIndex: Sendable {
    private let inventory: DiskInventory
    private let queues: BlockingQueues
    private let silentDisks: SilentDisks
    private let logger: Logger
    private let cache: PerDiskCache<[LocatedVolume]>
    private let identities: DiskIdentities
    /// Where each volume was found last.
    private let places = Mutex<[VolumeID: DiskNumber]>([:])

    /// - Parameter timeout: how long a disk without an earlier answer may take.
    init(inventory: DiskInventory, queues: BlockingQueues, timeout: Duration, logger: Logger) {
        self.inventory = inventory
        self.queues = queues
        silentDisks = SilentDisks(asked: "what volumes it has", logger: logger)
        self.logger = logger
        let identities = DiskIdentities(queues, timeout: timeout)
        self.identities = identities
        cache = PerDiskCache(queues, timeout: timeout) { disk throws(StorageError) in
            let open = try OpenDisk(disk)
            return try open.volumes { () throws(StorageError) in try identities.identity(of: disk, open) }
        }
    }

    /// Every volume of this host. Fails where a disk does not answer.
    func all() async throws(StorageError) -> [LocatedVolume] {
        var found: [LocatedVolume] = []
        for reply in await cache.query(all: try await inventory.list(on: queues).disks) {
            switch reply.answer {
            case .success(let volumes): found += volumes
            case .failure(let error) where reply.disk.hasAnswered(error): break
            case .failure(let error):
                throw StorageError(
                    .unavailable, "\(reply.disk.devicePath) does not answer, and what is on it has to be known",
                    cause: error.cause)
            }
        }
        return found
    }

    /// Where the volume was found last, if its disk is there and no other names itself alike; nil where it has to be
    /// looked for. Nothing is opened: the operation on it verifies on the descriptor that it is still there.
    func remembered(_ volume: VolumeID) async throws(StorageError) -> LocatedVolume? {
        guard let last = last(volume) else { return nil }
        let found = last.answer.filter { $0.id == volume }
        let disks = try await inventory.list(on: queues)
        guard found.count == 1, let disk = disks[last.disk], disk.isUnchanged,
            try await identities.twins(of: disk, found[0].identity, among: disks).isEmpty
        else { return nil }
        return found[0].on(disk)
    }

    /// Where the volume is. Fails where more than one disk carries it, or may carry it.
    func locate(_ volume: VolumeID) async throws(StorageError) -> LocatedVolume {
        let found = try await carriers(of: volume)
        guard found.count == 1 else { throw Self.several(found) }
        return found[0]
    }

    /// Where the volume is; where several disks carry it, on the one that is mounted.
    ///
    /// - Parameter mountedDisk: the kernel's name of that disk.
    func locate(
        _ volume: VolumeID, mountedDisk: () async throws(StorageError) -> String?
    ) async throws(StorageError) -> LocatedVolume {
        let found = try await carriers(of: volume, leavingOutSilent: true)
        if found.count == 1 { return found[0] }
        let name = try await mountedDisk()
        guard let mounted = found.first(where: { $0.disk.name == name }) else { throw Self.several(found) }
        return mounted
    }

    /// Every place where the volume is, at least one: of two paths to one disk both.
    ///
    /// - Parameter leavingOutSilent: whether disks that may have it and do not answer are left out.
    private func carriers(
        of volume: VolumeID, leavingOutSilent: Bool = false
    ) async throws(StorageError) -> [LocatedVolume] {
        let disks = try await inventory.list(on: queues)
        if let number = last(volume)?.disk, let disk = disks[number] {
            var found: [LocatedVolume] = []
            do throws(StorageError) {
                found = try await volumes(on: disk).filter { $0.id == volume }
            } catch {
                logger.debug("disk \(disk.number) (\(disk.name)), which had \(volume): \(error)")
            }
            if let first = found.first { return try await found + further(first, among: disks, leavingOutSilent) }
            guard disk.isUnchanged else { throw Self.changed(disk) }
        }
        return try await search({ $0.id == volume }, disks, leavingOutSilent)
    }

    /// Where the volume is that an earlier version knew by that name: more than one place where a disk and its copy are
    /// there.
    func carriers(formerly volume: VolumeID) async throws(StorageError) -> [LocatedVolume] {
        try await search({ (try? $0.formerID()) == volume }, try await inventory.list(on: queues), false)
    }

    /// Fails where another disk has the same names: two paths to one disk, or a copy.
    func requireOnlyOne(_ disk: DiskNode) async throws(StorageError) {
        guard disk.isUnchanged else { throw Self.changed(disk) }
        let disks = try await inventory.list(on: queues)
        let identity = try await queues.run(in: .disk(name: disk.name)) { [identities] () throws(StorageError) in
            try identities.identity(of: disk)
        }
        let twins = try await identities.twins(of: disk, identity, among: disks)
        guard twins.isEmpty else { throw Self.alike([disk] + twins) }
    }

    /// Invalidates the places of a disk's volumes. For work in its queue that changes its partitions.
    func forget(_ disk: DiskNode) { cache.forget(disk) }

    /// The volumes of one disk.
    func volumes(on disk: DiskNode) async throws(StorageError) -> [LocatedVolume] { try await cache.query(disk) }

    /// The ID of the volume that takes the whole disk.
    func wholeVolume(of disk: DiskNode) async throws(StorageError) -> VolumeID {
        if let last = try? await volumes(on: disk), let volume = last.first, volume.partition == nil {
            return volume.id
        }
        return try await queues.run(in: .disk(name: disk.name)) { [identities] () throws(StorageError) in
            try LocatedVolume.wholeID(identities.identity(of: disk))
        }
    }

    /// The disk whose last answer has the volume, and that answer.
    private func last(_ volume: VolumeID) -> (disk: DiskNumber, answer: [LocatedVolume])? {
        let has = { (volumes: [LocatedVolume]) in volumes.contains { $0.id == volume } }
        if let disk = places.withLock({ $0[volume] }), let answer = cache.last(of: disk), has(answer) {
            return (disk, answer)
        }
        let last = cache.last(where: has)
        places.withLock { $0[volume] = last?.disk }
        return last
    }

    private func search(
        _ isWanted: (LocatedVolume) -> Bool, _ disks: DiskList, _ leavingOutSilent: Bool
    ) async throws(StorageError) -> [LocatedVolume] {
        var found: [LocatedVolume] = []
        var silent: [(disk: DiskNode, error: StorageError)] = []
        for reply in await cache.query(all: disks.disks) {
            switch reply.answer {
            case .success(let volumes):
                found += volumes.filter(isWanted)
                silentDisks.note(reply.disk, nil)
            case .failure(let error) where reply.disk.hasAnswered(error):
                silentDisks.note(reply.disk, nil)
            case .failure(let error):
                silent.append((reply.disk, error))
                silentDisks.note(reply.disk, error)
            }
        }
        if let first = found.first {
            let places = Set(found.map(\.place))
            return try await found
                + further(first, among: disks, leavingOutSilent).filter { !places.contains($0.place) }
        }
        if let short = silent.first(where: { $0.error.code == .exhausted }) { throw short.error }
        guard silent.isEmpty else {
            let names = Self.list(silent.map(\.disk))
            throw StorageError(
                .unavailable, "no disk that answers has this volume; \(names) did not answer, and may have it",
                cause: silent[0].error.cause)
        }
        throw StorageError(.notFound, "no disk of this host has this volume")
    }

    /// Where else the volume is: on disks with the same names as its disk.
    private func further(
        _ volume: LocatedVolume, among disks: DiskList, _ leavingOutSilent: Bool
    ) async throws(StorageError) -> [LocatedVolume] {
        let twins = try await identities.twins(of: volume.disk, volume.identity, among: disks)
        var found: [LocatedVolume] = []
        for reply in await cache.query(twins) {
            switch reply.answer {
            case .success(let volumes): found += volumes.filter { $0.id == volume.id }
            case .failure(let error) where leavingOutSilent || reply.disk.hasAnswered(error): break
            case .failure(let error):
                throw StorageError(
                    .unavailable,
                    "\(reply.disk.devicePath) names itself as \(volume.disk.devicePath) does and does not answer: which "
                        + "of them is meant is unknown", cause: error.cause)
            }
        }
        return found
    }

    private static func changed(_ disk: DiskNode) -> StorageError {
        StorageError(
            .failedPrecondition, "it names itself differently than before: another disk has come in its place",
            subject: disk.devicePath)
    }

    private static func several(_ found: [LocatedVolume]) -> StorageError {
        if Set(found.map(\.disk.number)).count > 1 { return alike(found.map(\.disk), "carry the same volume ID and ") }
        let places = found.map(\.place).sorted().joined(separator: " and ")
        return StorageError(.failedPrecondition, "\(places) carry the same volume ID")
    }

    private static func alike(_ disks: [DiskNode], _ what: String = "") -> StorageError {
        StorageError(
            .failedPrecondition,
            "\(list(disks)) \(what)name themselves alike: they are paths to one disk, which are to be joined (multipathd), "
                + "or a disk and a copy that was given its names")
    }

    private static func list(_ disks: [DiskNode]) -> String {
        let paths = Set(disks.map(\.devicePath)).sorted()
        return paths.count <= 8
            ? paths.joined(separator: " and ")
            : paths.prefix(8).joined(separator: ", ") + " and \(paths.count - 8) others"
    }
}

extension DiskNode {
    /// Whether a disk that was asked for its volumes has answered with this error: it has gone, or has no volumes.
    fileprivate func hasAnswered(_ error: StorageError) -> Bool {
        switch error.code {
        case .notFound: (try? Sysfs.number("\(sysfsPath)/diskseq")) != UInt64(number.rawValue)
        // A disk that this process may not open has no volumes for it.
        case .denied: true
        // With a cause it could not be opened.
        case .failedPrecondition: error.cause == nil
        default: false
        }
    }
}
