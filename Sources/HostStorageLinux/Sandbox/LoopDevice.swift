// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
package import HostStorage

/// A disk that is a file, for tests and trials. It ends with its owner, also when that is killed, unless something on
/// it is still mounted; ``ScratchTree`` takes that away as well.
package final class LoopDevice: Sendable {
    package let number: DiskNumber
    private let descriptor: Descriptor
    private let path: String

    /// - Parameters:
    ///   - file: an existing file; its size is the disk's.
    ///   - reference: the disk's serial number, at most 63 bytes.
    package init(file: String, reference: String) throws(StorageError) {
        let backing = try Descriptor(opening: file, O_RDWR)
        let control = try Descriptor(opening: "/dev/loop-control", O_RDWR)
        // Another process may take the device that was free a moment ago.
        for _ in 0..<16 {
            let path = "/dev/loop\(try check(cls_loop_find_free(control.raw), "LOOP_CTL_GET_FREE", file))"
            let descriptor = try Descriptor(opening: path, O_RDWR)
            let result = cls_loop_attach(descriptor.raw, backing.raw, reference)
            if result == -EBUSY { continue }
            try check(result, "LOOP_CONFIGURE", file)
            number = DiskNumber(UInt32(try descriptor.diskSequence(path)))
            self.path = path
            self.descriptor = descriptor
            return
        }
        throw StorageError(errno: EBUSY, "LOOP_CONFIGURE", file)
    }

    /// Sees that the file has grown.
    package func updateCapacity() throws(StorageError) {
        try check(cls_loop_update_capacity(descriptor.raw), "LOOP_SET_CAPACITY", path)
    }
}
