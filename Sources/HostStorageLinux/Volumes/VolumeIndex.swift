// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging
import Synchronization

/// Finds volumes by their IDs. Where a volume was last is remembered, and verified on the disk itself
/// each time; disks are all read only where the memory fails.
final class VolumeIndex: Sendable {
    private let inventory: DiskInventory
    private let lanes: Lanes
    private let logger: Logger
    private let lastSeen = Mutex<[VolumeID: DiskNumber]>([:])

    /// How long one disk may take to show its table before a search goes on without it.
    private static let patience: Duration = .seconds(5)

    init(inventory: DiskInventory, lanes: Lanes, logger: Logger) {
        self.inventory = inventory
        self.lanes = lanes
        self.logger = logger
    }

    /// Where the volume is.
    func locate(_ volume: VolumeID) async throws(StorageError) -> LocatedVolume {
        if let number = lastSeen.withLock({ $0[volume] }),
            let disk = try? await lanes.run(
                in: .inventory,
                { [inventory] () throws(StorageError) in
                    try inventory.disk(number)
                }),
            let found = try? await volumes(on: disk).first(where: { $0.id == volume })
        {
            return found
        }
        return try await locateAnew(volume)
    }

    /// Where the volume is, after a look at every disk. For calls that destroy: two volumes of one ID, a
    /// disk and its clone, are told apart by nobody, so neither is touched.
    func locateAnew(_ volume: VolumeID) async throws(StorageError) -> LocatedVolume {
        let disks = try await lanes.run(in: .inventory) { [inventory] () throws(StorageError) in try inventory.disks() }
        var found: [LocatedVolume] = []
        var silent: [String] = []
        await withTaskGroup(of: DiskSearch.self) { group in
            for disk in disks { group.addTask { await self.search(disk) } }
            for await search in group {
                found += search.volumes.filter { $0.id == volume }
                if !search.hasAnswered { silent.append(search.disk.name) }
            }
        }
        guard let first = found.first else {
            _ = lastSeen.withLock { $0.removeValue(forKey: volume) }
            let unsearched = silent.isEmpty ? "" : "; \(silent.sorted().joined(separator: ", ")) did not answer"
            throw StorageError(.notFound, "no disk of this host has this volume\(unsearched)")
        }
        guard found.count == 1 else {
            let names = found.map { "\($0.disk.devicePath)\($0.partition.map { " partition \($0.number)" } ?? "")" }
            throw StorageError(
                .failedPrecondition, "\(names.sorted().joined(separator: " and ")) carry the same volume ID")
        }
        return first
    }

    private struct DiskSearch: Sendable {
        let disk: DiskNode
        var volumes: [LocatedVolume] = []
        var hasAnswered = true
    }

    private func search(_ disk: DiskNode) async -> DiskSearch {
        var search = DiskSearch(disk: disk)
        do throws(StorageError) {
            search.volumes = try await volumes(on: disk)
        } catch {
            search.hasAnswered = false
            logger.debug("disk \(disk.number) (\(disk.name)) was left out of a search: \(error)")
        }
        return search
    }

    /// The volumes of one disk.
    func volumes(on disk: DiskNode) async throws(StorageError) -> [LocatedVolume] {
        let volumes = try await lanes.run(in: .disk(name: disk.name), timeout: Self.patience) {
            () throws(StorageError) in
            try OpenDisk(disk).volumes()
        }
        lastSeen.withLock { lastSeen in
            for volume in volumes { lastSeen[volume.id] = disk.number }
        }
        return volumes
    }
}
