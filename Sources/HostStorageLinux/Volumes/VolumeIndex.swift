// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Logging

/// Finds volumes by their IDs. Where a volume was last is remembered, and verified on the disk itself
/// each time; disks are all read only where the memory fails. A volume whose disk hangs is where it was.
final class VolumeIndex: Sendable {
    private let inventory: DiskInventory
    private let lanes: Lanes
    private let logger: Logger
    private let survey: DiskSurvey<[LocatedVolume]>

    /// - Parameter patience: how long a disk may take of which nothing is known.
    init(inventory: DiskInventory, lanes: Lanes, patience: Duration, logger: Logger) {
        self.inventory = inventory
        self.lanes = lanes
        self.logger = logger
        survey = DiskSurvey(lanes, patience: patience) { disk throws(StorageError) in try OpenDisk(disk).volumes() }
    }

    /// Where the volume is.
    func locate(_ volume: VolumeID) async throws(StorageError) -> LocatedVolume {
        if let number = survey.disk(where: { $0.contains { $0.id == volume } }),
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
        for reply in await survey.ask(all: disks) {
            switch reply.answer {
            case .success(let volumes): found += volumes.filter { $0.id == volume }
            case .failure(let error):
                silent.append(reply.disk.name)
                logger.debug("disk \(reply.disk.number) (\(reply.disk.name)) was left out of a search: \(error)")
            }
        }
        guard let first = found.first else {
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

    /// Where the volumes of a disk were holds no more. For work in its lane that changes its partitions.
    func forget(_ disk: DiskNode) { survey.forget(disk) }

    /// The volumes of one disk.
    func volumes(on disk: DiskNode) async throws(StorageError) -> [LocatedVolume] { try await survey.ask(disk) }
}
