// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Signs that a filesystem took the whole disk before a partition table was written over its beginning. Its first
/// superblock may be lost; its copies lie among the partitions, and each shows where its filesystem begins.
enum WholeDiskRemains {
    /// The remains and their offset; nil where there are no signs of one.
    static func find(on disk: OpenDisk) throws(StorageError) -> String? {
        let places = SuperblockPlaces.all(size: disk.size) + [0..<65536, (disk.size - 4096)..<disk.size]
        for range in places.merged(within: 0..<disk.size) {
            let bytes = try disk.bytes(at: range.lowerBound, count: Int(range.count))
            if bytes.firstIndexOfData == nil { continue }
            for offset in stride(from: 0, through: bytes.count - 512, by: 512) {
                let place = range.lowerBound + Int64(offset)
                let found = [UInt8](bytes[offset...].prefix(4096))
                let driver = FilesystemDrivers.all.first { $0.isRemnant(found, at: place, size: disk.size) }
                if let facts = driver?.facts {
                    return
                        "a copy of the superblock or a header of a filesystem of type \(facts.family ?? facts.names[0]) at offset \(place)"
                }
            }
        }
        return nil
    }
}
