// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// The first sectors of a disk, where tables stand, read byte by byte, for what libblkid does not report.
struct TableSectors {
    private let disk: OpenDisk

    init(_ disk: OpenDisk) { self.disk = disk }

    /// The sizes of sectors that disks have.
    static let sizes: [Int64] = [512, 1024, 2048, 4096]

    /// A partition of the MBR in the first sector.
    struct Entry {
        let type: UInt8
        /// In sectors.
        let start: Int64
        let count: Int64
    }

    /// The partitions of the MBR; none where there is no MBR.
    func entries() throws(StorageError) -> [Entry] {
        let bytes = try disk.bytes(at: 0, count: 512)
        guard bytes[510] == 0x55, bytes[511] == 0xAA else { return [] }
        return (0..<4).map { 446 + $0 * 16 }
            .map { Entry(type: bytes[$0 + 4], start: bytes.little($0 + 8, 4), count: bytes.little($0 + 12, 4)) }
            .filter { $0.type != 0 && $0.count != 0 }
    }

    /// Whether a GPT's header stands where a disk with sectors of that size has it: in the second sector or in
    /// the last.
    func hasGPT(sectorSize: Int64) throws(StorageError) -> Bool {
        if try header(at: sectorSize, sector: 1) != nil { return true }
        let last = disk.size / sectorSize - 1
        return try header(at: last * sectorSize, sector: last) != nil
    }

    /// A GPT's header (UEFI 2.10, 5.3.2) whose checksum is right.
    struct Header {
        let sector: Int64
        let diskID: [UInt8]
        let entries: Int64
        let entriesLength: Int64
    }

    /// The header at an offset; nil where there is none, or it states another place.
    func header(at offset: Int64, sector: Int64) throws(StorageError) -> Header? {
        guard offset >= 0, offset + 512 <= disk.size else { return nil }
        let header = Self.header(try disk.bytes(at: offset, count: 512)[...])
        return header.flatMap { $0.sector == sector ? $0 : nil }
    }

    static func header(_ slice: ArraySlice<UInt8>) -> Header? {
        let bytes = [UInt8](slice)
        let size = Int(bytes.little(12, 4))
        guard bytes.starts(with: Array("EFI PART".utf8)), (92...512).contains(size) else { return nil }
        var summed = bytes[..<size]
        summed.replaceSubrange(16..<20, with: [0, 0, 0, 0])
        guard ~Checksum.ieee.update(~0, summed) == UInt32(truncatingIfNeeded: bytes.little(16, 4)) else { return nil }
        let (count, length) = (bytes.little(80, 4), bytes.little(84, 4))
        guard count <= 65536, length <= 65536 else { return nil }
        return Header(
            sector: bytes.little(24, 8), diskID: [UInt8](bytes[56..<72]), entries: bytes.little(72, 8),
            entriesLength: count * length)
    }
}
