// SPDX-License-Identifier: Apache-2.0

/// The number of a disk: on Linux the kernel's `diskseq`, which is never given out twice while the machine runs, so
/// that a number can go stale but never identifies another disk.
///
/// Source: Documentation/ABI/stable/sysfs-block, `/sys/block/<disk>/diskseq` (Linux 5.15).
public struct DiskNumber: Sendable, Hashable, Comparable, RawRepresentable, Codable, CustomStringConvertible {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public init(_ number: UInt32) { rawValue = number }

    /// Reads a decimal number, as the older API versions spell disks. Signs, blanks and numbers beyond
    /// 32 bits are refused, not truncated.
    public init(decimal text: String) throws(StorageError) {
        guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit), let number = UInt32(text)
        else {
            throw StorageError(.invalidArgument, "\"\(text.excerpt)\" is not a disk number")
        }
        rawValue = number
    }

    public static func < (a: DiskNumber, b: DiskNumber) -> Bool { a.rawValue < b.rawValue }
    public var description: String { String(rawValue) }
}

/// The number of a partition in its table, from 1.
public struct PartitionNumber: Sendable, Hashable, Comparable, RawRepresentable, Codable, CustomStringConvertible {
    public var rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public init(_ number: UInt32) { rawValue = number }

    public static func < (a: PartitionNumber, b: PartitionNumber) -> Bool { a.rawValue < b.rawValue }
    public var description: String { String(rawValue) }
}
