// SPDX-License-Identifier: Apache-2.0

public import HostStorage

/// The content of a simulated disk from its first byte to its last.
public enum DiskContent: Sendable, Hashable {
    /// Zeros only.
    case blank
    /// A GUID partition table with these partitions, in this order.
    case gpt([PartitionContent])
    /// A DOS partition table with these partitions, in this order.
    case mbr([PartitionContent])
    /// A filesystem directly on the disk, without a table.
    case filesystem(FilesystemKind)
    /// Bytes without a known signature, and not zeros.
    case random
    /// Reads fail.
    case unreadable
}

/// A partition of a simulated disk and its content.
public struct PartitionContent: Sendable, Hashable {
    /// The size in bytes; nil is all that is left of the disk.
    public var size: Int64?
    /// Whether it is a Microsoft reserved partition (type e3c9e316-0b5c-4db8-817d-f92df00215ae), which
    /// carries no volume.
    public var isReserved: Bool
    public var content: VolumeContent

    public init(_ content: VolumeContent = .blank, size: Int64? = nil) {
        self.size = size
        self.isReserved = false
        self.content = content
    }

    private init(reserved size: Int64) {
        self.size = size
        self.isReserved = true
        self.content = .blank
    }

    /// The partition that Windows puts before the others of a GPT, 16 MiB unless given.
    public static func reserved(size: Int64 = 16 << 20) -> PartitionContent { PartitionContent(reserved: size) }
}

/// The content of a simulated volume.
public enum VolumeContent: Sendable, Hashable {
    case blank
    case filesystem(FilesystemKind)
    case random
    case unreadable
}
