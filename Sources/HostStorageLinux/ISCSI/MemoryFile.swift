// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// A file that is in this process's memory alone, gone with it, for a child to read by path.
struct MemoryFile: ~Copyable, Sendable {
    private let descriptor: Descriptor

    init(_ text: String) throws(StorageError) {
        let file = Descriptor(owning: try check(cls_memory_file("host-storage"), "memfd_create"))
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            done += try checkErrno(
                bytes[done...].withUnsafeBytes { write(file.raw, $0.baseAddress, $0.count) }, "write")
        }
        descriptor = file
    }

    /// Leads to it for root's other processes, of this PID namespace, as long as this one keeps it.
    var path: String { "/proc/\(getpid())/fd/\(descriptor.raw)" }
}
