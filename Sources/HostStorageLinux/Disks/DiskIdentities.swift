// SPDX-License-Identifier: Apache-2.0

import HostStorage
import Synchronization

/// The identity of each disk, to find disks with the same names. No disk is read for it: the kernel keeps the names of
/// all but loop devices, which the kernel is asked for once.
final class DiskIdentities: Sendable {
    private struct Known {
        /// The features with which the identity was found; with others it has to be read again.
        let features: DiskFeatures
        let identity: DiskIdentity
    }

    /// The disks of one list by their identities.
    private struct Groups {
        let list: DiskList
        let disks: [DiskIdentity: [DiskNode]]
    }

    private let known = Mutex<[DiskNumber: Known]>([:])
    /// Of loop devices, and of the others; where every identity is known.
    private let groups = Mutex<[Bool: Groups]>([:])
    private let queues: BlockingQueues
    private let cache: PerDiskCache<DiskIdentity>

    init(_ queues: BlockingQueues, timeout: Duration) {
        self.queues = queues
        // A server that is alive says at once which file is behind a loop device; one that hangs must not delay calls
        // about other disks.
        cache = PerDiskCache(queues, timeout: min(timeout, .seconds(1))) { disk throws(StorageError) in
            try disk.identity()
        }
    }

    /// The disk's identity. Sleeps in the kernel where that is not known yet.
    ///
    /// - Parameter open: the disk, where it is open.
    func identity(of disk: DiskNode, _ open: OpenDisk? = nil) throws(StorageError) -> DiskIdentity {
        // The server of a loop device's file may hang.
        if disk.isLoop, let known = identity(disk) { return known }
        let identity = try disk.identity(open)
        note(disk, identity)
        return identity
    }

    /// The disks that cannot be distinguished from `disk`: they have the same names, or cannot be asked for them and
    /// show no difference.
    ///
    /// - Parameter list: all that there are.
    func twins(of disk: DiskNode, _ identity: DiskIdentity, among list: DiskList) async throws(StorageError)
        -> [DiskNode]
    {
        // A name with a number of the kernel's in it belongs to one disk alone.
        if identity.isOfThisAttachment { return [] }
        if let groups = groups.withLock({ $0[disk.isLoop] }), groups.list === list {
            return (groups.disks[identity] ?? []).filter { $0.number != disk.number }
        }
        let disks = list.disks
        let kin = disks.filter { $0.isLoop == disk.isLoop }
        let others = kin.filter { $0.number != disk.number }
        let present = Set(disks.map(\.number))
        known.withLock { known in known = known.filter { present.contains($0.key) } }
        let unknown = others.filter { self.identity($0) == nil }
        if !disk.isLoop {
            try await queues.run(in: .inventory) { [self] () throws(StorageError) in
                for other in unknown {
                    do throws(StorageError) {
                        note(other, try other.identity())
                    } catch  where error.code == .notFound {}
                }
            }
        } else {
            for reply in await cache.query(unknown) {
                switch reply.answer {
                case .success(let identity): note(reply.disk, identity)
                case .failure(let error): if error.code == .exhausted { throw error }
                }
            }
        }
        group(kin, of: list)
        return others.filter { other in
            if let known = self.identity(other) { return known == identity }
            return !DiskFeatures.contradict(other.features.names, disk.features.names)
        }
    }

    /// Keeps who is alike, for as long as the list is the same.
    private func group(_ kin: [DiskNode], of list: DiskList) {
        var disks: [DiskIdentity: [DiskNode]] = [:]
        for disk in kin {
            guard let identity = identity(disk) else { return }
            disks[identity, default: []].append(disk)
        }
        guard let isLoop = kin.first?.isLoop else { return }
        groups.withLock { $0[isLoop] = Groups(list: list, disks: disks) }
    }

    private func identity(_ disk: DiskNode) -> DiskIdentity? {
        known.withLock { $0[disk.number] }.flatMap { $0.features.names == disk.features.names ? $0.identity : nil }
    }

    private func note(_ disk: DiskNode, _ identity: DiskIdentity) {
        known.withLock { $0[disk.number] = Known(features: disk.features, identity: identity) }
    }
}
