// SPDX-License-Identifier: Apache-2.0

/// The outcome of a resize request, given the partition's size and its limit.
@nonexhaustive public enum ResizePlan: Sendable, Hashable {
    /// The partition stays as it is; the filesystem may still have to follow it.
    case keep
    /// The partition grows to so many bytes.
    case grow(to: Int64)

    /// - Parameters:
    ///   - current: the partition's size in bytes.
    ///   - maximum: the size it could grow to where it stands, at least `current`.
    ///   - ceiling: the size that callers may take for the maximum. They know the size of the disk, not the part that
    ///     its table and the alignment take, so for a volume that has the disk to itself it is the disk's size; a
    ///     request between the two gets the maximum.
    public init(
        requested: VolumeSize, current: Int64, maximum: Int64, ceiling: Int64
    ) throws(StorageError) {
        switch requested {
        case .maximum:
            self = maximum > current ? .grow(to: maximum) : .keep
        case .bytes(let bytes):
            if bytes <= current {
                self = .keep
            } else if bytes <= maximum {
                self = .grow(to: bytes)
            } else if bytes <= ceiling {
                self = maximum > current ? .grow(to: maximum) : .keep
            } else {
                throw StorageError(
                    .outOfRange, "\(bytes) bytes were asked for, the disk has room for \(maximum)")
            }
        }
    }
}
