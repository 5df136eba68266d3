// SPDX-License-Identifier: Apache-2.0

/// What a resize request comes to, given what the partition is and could be.
public enum ResizePlan: Sendable, Hashable {
    /// The partition stays as it is; the filesystem may still have to follow it.
    case keep
    /// The partition grows to so many bytes.
    case grow(to: Int64)

    /// - Parameters:
    ///   - current: the partition's size in bytes.
    ///   - maximum: the size it could grow to where it stands, at least `current`.
    ///   - minimumGrowth: explicit growth below this is success without change, as csi-proxy has it for
    ///     sizes that callers compute from something other than the partition. The maximum is always taken.
    public init(
        requested: VolumeSize, current: Int64, maximum: Int64, minimumGrowth: Int64
    ) throws(StorageError) {
        switch requested {
        case .maximum:
            self = maximum > current ? .grow(to: maximum) : .keep
        case .bytes(let bytes):
            if bytes <= current || bytes - current < minimumGrowth {
                self = .keep
            } else if bytes > maximum {
                throw StorageError(
                    .outOfRange, "\(bytes) bytes were asked for, the disk has room for \(maximum)")
            } else {
                self = .grow(to: bytes)
            }
        }
    }
}
