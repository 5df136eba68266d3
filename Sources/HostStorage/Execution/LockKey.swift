// SPDX-License-Identifier: Apache-2.0

/// A key that an operation holds while it runs. Operations with keys in each other's way run one after the other.
@nonexhaustive public enum LockKey: Sendable, Hashable {
    case disk(DiskNumber)
    /// The disk that carries a volume. The host finds it before the operation begins; where there is none, the operation
    /// fails, or with `orElse` goes on without.
    case diskOf(VolumeID, orElse: Absence = .fail)
    /// One name of a directory: in the way of operations that hold the same name or the tree around it.
    case entry(HostPath)
    /// A place and all that is beneath it.
    case tree(HostPath)
    /// The set of disks as a whole.
    case inventory
    case share(SMBShare)
    case service(ServiceName)
    case portal(ISCSIPortal)
    case target(ISCSITarget)
    /// The settings of all sessions of the host as an iSCSI initiator.
    case initiator

    @nonexhaustive public enum Absence: Sendable, Hashable { case fail, goOn }

    /// The place, and whether all beneath it is held.
    private var place: (path: HostPath, isTree: Bool)? {
        switch self {
        case .entry(let path): (path, false)
        case .tree(let path): (path, true)
        default: nil
        }
    }

    func isInTheWay(of other: LockKey) -> Bool {
        guard let place, let another = other.place else { return self == other }
        return place.path == another.path
            || (place.isTree && place.path.contains(another.path))
            || (another.isTree && another.path.contains(place.path))
    }
}

extension Set<LockKey> {
    func isInTheWay(of others: Set<LockKey>) -> Bool {
        if !isDisjoint(with: others) { return true }
        return contains { key in others.contains { key.isInTheWay(of: $0) } }
    }
}
