// SPDX-License-Identifier: Apache-2.0

/// What can be done with the volumes of a host. A volume is a partition that is not reserved, or a whole
/// disk with a filesystem directly on it.
public protocol VolumeOperations<Path>: Sendable {
    /// How a place in the host's file tree is named: text, as callers spell it, or a path that has been
    /// through the ``PathPolicy``.
    associatedtype Path

    /// The volumes of a disk in the order of its partition table: all of them, or the one of `partition`.
    /// A disk without a table has none.
    func volumes(on disk: DiskNumber, partition: PartitionNumber?) async throws(StorageError) -> [VolumeID]

    /// Mounts the volume at `path`, an existing, empty directory.
    ///
    /// Succeeds where that volume is mounted there already. A directory that is not empty or carries
    /// another mount is refused with ``StorageError/Code/failedPrecondition``, and so is a volume that is
    /// not formatted. One volume can be mounted at several places.
    func mountVolume(_ volume: VolumeID, at path: Path) async throws(StorageError)

    /// Writes the volume's data out and removes its mount at `path`. The directory stays.
    ///
    /// Refused with ``StorageError/Code/failedPrecondition`` where nothing or another volume is mounted
    /// there, with ``StorageError/Code/busy`` and the holders where the mount is in use. Never detaches
    /// lazily.
    @discardableResult
    func unmountVolume(_ volume: VolumeID, from path: Path) async throws(StorageError) -> UnmountOutcome

    /// Whether the volume carries anything that libblkid recognises. A volume that cannot be read or that
    /// cannot be told is an error, never `false`; the remains of a format that was cut off are `false`.
    func isVolumeFormatted(_ volume: VolumeID) async throws(StorageError) -> Bool

    /// Makes the host's filesystem on a volume that is provably blank, or that carries `signature` and
    /// nothing else. Anything else is refused with ``StorageError/Code/failedPrecondition`` and what was
    /// found where. A format that was cut off is finished by the next call. Until the volume is first mounted
    /// a repeated call finds its work done and succeeds.
    ///
    /// - Parameter signature: what may be destroyed; it must be what is found, UUID included.
    func formatVolume(_ volume: VolumeID, over signature: Signature?) async throws(StorageError)

    /// Grows the volume's partition and then its filesystem, mounted or not. Never shrinks. Idempotent: a
    /// call that was cut off is finished by the next.
    func resizeVolume(_ volume: VolumeID, to size: VolumeSize) async throws(StorageError)

    /// The filesystem's size and use, from the filesystem itself, mounted or not.
    func volumeStats(_ volume: VolumeID) async throws(StorageError) -> VolumeStats

    func disk(of volume: VolumeID) async throws(StorageError) -> DiskNumber

    /// The volume mounted at `path`, which may be a symbolic link to a mount. A directory that is not a
    /// mount is refused with ``StorageError/Code/failedPrecondition``.
    func volume(mountedAt path: Path) async throws(StorageError) -> VolumeID

    /// The volume that holds `path`: that of the nearest mount on the way up.
    func volume(closestTo path: Path) async throws(StorageError) -> VolumeID

    /// Writes the volume's cached data to its disk.
    func flushVolume(_ volume: VolumeID) async throws(StorageError)
}

extension VolumeOperations {
    /// Makes the host's filesystem on a volume that is provably blank; see ``formatVolume(_:over:)``.
    public func formatVolume(_ volume: VolumeID) async throws(StorageError) {
        try await formatVolume(volume, over: nil)
    }
}

/// How large a volume is to become.
public enum VolumeSize: Sendable, Hashable {
    /// As large as the disk allows.
    case maximum
    /// At least so many bytes of partition.
    case bytes(Int64)

    /// As the wire spells it: 0 is the maximum, a negative size is refused.
    public init(wire bytes: Int64) throws(StorageError) {
        guard bytes >= 0 else { throw StorageError(.invalidArgument, "the size \(bytes) is negative") }
        self = bytes == 0 ? .maximum : .bytes(bytes)
    }
}

/// The size of a filesystem in bytes.
public struct VolumeStats: Sendable, Hashable {
    /// The whole filesystem, its own tables and journal included.
    public var totalBytes: Int64
    /// What is not free: data, tables and journal.
    public var usedBytes: Int64

    public init(totalBytes: Int64, usedBytes: Int64) {
        self.totalBytes = totalBytes
        self.usedBytes = usedBytes
    }
}
