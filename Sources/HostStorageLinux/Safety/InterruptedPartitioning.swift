// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Takes away the remains of a partitioning that was cut off, on a blank disk: pieces of an incomplete GPT. Removes
/// only structures with the GUIDs that were drawn for that table, and its protective MBR.
enum InterruptedPartitioning {
    /// Leaves all as it is where anything else is in the places of the table.
    ///
    /// - Parameters:
    ///   - disk: open for writing, its lock held, without a partition table.
    ///   - intent: of a partitioning of this disk that was not seen to end.
    static func clear(_ disk: OpenDisk, _ intent: Intent) throws(StorageError) {
        guard let diskID = intent.uuid.flatMap(mixedEndian), let partition = intent.partition.flatMap(mixedEndian)
        else { return }
        let claim = try Descriptor.claim(disk.wholeDevice, O_RDWR)
        try check(cls_block_flush_buffers(claim.raw), "BLKFLSBUF", disk.path)
        // UEFI 2.10, 5.3.1: headers and 16 KiB of entries at both ends.
        let (sector, entries) = (Int64(disk.sectorSize), 16384 as Int64)
        let last = disk.size - sector
        guard last - entries > 2 * sector + entries else { return }
        let places: [(range: Range<Int64>, isOwn: ([UInt8]) -> Bool)] = [
            (0..<sector, isProtective),
            (sector..<(2 * sector), { isHeader($0, of: diskID) }),
            ((2 * sector)..<(2 * sector + entries), { areEntries($0, with: partition, sectors: disk.size / sector) }),
            ((last - entries)..<last, { areEntries($0, with: partition, sectors: disk.size / sector) }),
            (last..<disk.size, { isHeader($0, of: diskID) }),
        ]
        for place in places {
            let bytes = try claim.bytes(at: place.range.lowerBound, count: Int(place.range.count), disk.path)
            guard bytes.firstIndexOfData == nil || place.isOwn(bytes) else { return }
        }
        // Where the rest is not blank, no table is made, so nothing is taken away either.
        guard try isBlank(claim, size: disk.size, outside: places.map(\.range), disk.path) else { return }
        for place in places { try claim.zero(place.range, disk.path) }
        try checkErrno(fsync(claim.raw), "fsync", disk.path)
    }

    /// UEFI 2.10, 5.2.3: one entry, of type 0xEE, from the second sector on.
    private static func isProtective(_ bytes: [UInt8]) -> Bool {
        [UInt8](bytes[..<446]).firstIndexOfData == nil && bytes[450] == 0xEE && bytes.little(454, 4) == 1
            && [UInt8](bytes[462..<510]).firstIndexOfData == nil && bytes[510] == 0x55 && bytes[511] == 0xAA
            && [UInt8](bytes[512...]).firstIndexOfData == nil
    }

    /// UEFI 2.10, 5.3.2: 92 bytes, with a checksum over them.
    private static func isHeader(_ bytes: [UInt8], of diskID: [UInt8]) -> Bool {
        var header = [UInt8](bytes[..<92])
        let stored = UInt32(header.little(16, 4))
        header.replaceSubrange(16..<20, with: [0, 0, 0, 0])
        return header.starts(with: Array("EFI PART".utf8)) && header.little(12, 4) == 92
            && ~Checksum.ieee.update(~0, header) == stored && header[56..<72].elementsEqual(diskID)
            && [UInt8](bytes[92...]).firstIndexOfData == nil
    }

    /// UEFI 2.10, 5.3.3: one entry, of basic data, without attributes and name.
    private static func areEntries(_ bytes: [UInt8], with partition: [UInt8], sectors: Int64) -> Bool {
        let (first, last) = (bytes.little(32, 8), bytes.little(40, 8))
        return mixedEndian(PartitionWriter.basicData)?.elementsEqual(bytes[..<16]) == true
            && bytes[16..<32].elementsEqual(partition) && 0 < first && first <= last && last < sectors
            && [UInt8](bytes[48...]).firstIndexOfData == nil
    }

    /// Whether all that a ``BlankDevice`` looks at is blank but for `places`.
    private static func isBlank(
        _ device: borrowing Descriptor, size: Int64, outside places: [Range<Int64>], _ path: String
    ) throws(StorageError) -> Bool {
        for range in BlankDevice.ranges(size: size) {
            var offset = range.lowerBound
            while offset < range.upperBound {
                if let place = places.first(where: { $0.contains(offset) }) {
                    offset = place.upperBound
                    continue
                }
                let next = places.map(\.lowerBound).filter { $0 > offset }.min() ?? range.upperBound
                let end = min(range.upperBound, next, offset + 1 << 20)
                let bytes = try device.bytes(at: offset, count: Int(end - offset), path)
                guard bytes.firstIndexOfData == nil else { return false }
                offset = end
            }
        }
        return true
    }

    /// A GUID as a GPT has it: its first three numbers with the low byte first (UEFI 2.10, appendix A).
    private static func mixedEndian(_ guid: String) -> [UInt8]? {
        guard let bytes = UUIDText.bytes(guid) else { return nil }
        return bytes[..<4].reversed() + bytes[4..<6].reversed() + bytes[6..<8].reversed() + bytes[8...]
    }
}
