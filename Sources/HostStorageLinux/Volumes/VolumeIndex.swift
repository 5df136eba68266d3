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
        var (found, silent): ([LocatedVolume], [String]) = ([], [])
        await withTaskGroup(of: (DiskNode, Result<[LocatedVolume], StorageError>).self) { group in
            for disk in disks {
                group.addTask {
                    do throws(StorageError) {
                        return (disk, .success(try await self.volumes(on: disk)))
                    } catch {
                        return (disk, .failure(error))
                    }
                }
            }
            for await (disk, result) in group {
                switch result {
                case .success(let volumes): found += volumes.filter { $0.id == volume }
                case .failure(let error):
                    silent.append(disk.name)
                    logger.debug("disk \(disk.number) (\(disk.name)) was left out of a search: \(error)")
                }
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
