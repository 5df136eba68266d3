// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Writes zeros where a ``BlankDevice`` looks and finds something, so that the old content is never recognised again.
///
/// For volumes only whose content may go: remains of an own format that was cut off, and a signature that the caller
/// named. The proof follows as for any other volume.
enum SignatureRemoval {
    /// - Parameter volume: its disk's lock is held.
    static func run(_ volume: OpenVolume) throws(StorageError) {
        let path = volume.path
        let claim = try Descriptor.claim(volume.device, O_RDWR)
        let size = try claim.blockSize(path)
        guard size == volume.device.size else {
            throw StorageError(
                .failedPrecondition, "its size is not the expected \(volume.device.size) bytes", subject: path)
        }
        // Its beginning last: a removal that is cut off leaves the volume's signature.
        for range in BlankDevice.ranges(size: size).reversed() { try claim.zero(range, path) }
        try checkErrno(fsync(claim.raw), "fsync", path)
    }
}

extension Descriptor {
    /// Writes zeros where anything else is.
    func zero(_ range: Range<Int64>, _ subject: String) throws(StorageError) {
        try forEachPiece(of: range, subject) { offset, bytes throws(StorageError) in
            if bytes.firstIndexOfData == nil { return true }
            let zeros = [UInt8](repeating: 0, count: bytes.count)
            var done = 0
            while done < zeros.count {
                done += try checkErrno(
                    pwrite(raw, zeros, zeros.count - done, off_t(offset) + off_t(done)), "pwrite",
                    "\(subject) at offset \(offset + Int64(done))")
            }
            return true
        }
    }
}
