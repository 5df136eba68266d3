// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Takes away what a partitioning that was cut off has left on a blank disk: pieces of a GPT that is none
/// yet. A GPT is one from the moment that its protective MBR stands, which is written last.
enum InterruptedPartitioning {
    /// - Parameter disk: open for writing, its lock held, without a partition table, and noted down as one
    ///   that was being partitioned in this attachment.
    static func clear(_ disk: OpenDisk) throws(StorageError) {
        let claim = try Descriptor.claim(disk.wholeDevice, O_RDWR)
        // UEFI 2.10, 5.3.1: headers and 16 KiB of entries at both ends; each is looked at before it goes.
        let sector = Int64(disk.sectorSize)
        let table = sector + 16384
        for range in [0..<(sector + table), (disk.size - table)..<disk.size] {
            let bytes = try claim.bytes(at: range.lowerBound, count: Int(range.count), disk.path)
            guard bytes.contains(where: { $0 != 0 }) else { continue }
            try checkErrno(
                pwrite(claim.raw, [UInt8](repeating: 0, count: bytes.count), bytes.count, off_t(range.lowerBound)),
                "pwrite", "\(disk.path) at offset \(range.lowerBound)")
        }
        try checkErrno(fsync(claim.raw), "fsync", disk.path)
    }
}
