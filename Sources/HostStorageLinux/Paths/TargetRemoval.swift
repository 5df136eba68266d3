// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// Removes what a mount stood on, and nothing that holds data.
enum TargetRemoval {
    /// Removes an empty directory, an empty file or a link.
    static func remove(_ name: String, in directory: borrowing Descriptor, _ subject: String) throws(StorageError) {
        let status = try directory.status(of: name, subject)
        guard status.isDirectory || status.isLink || status.isRegularFile else {
            throw StorageError(.failedPrecondition, "a device node, socket or pipe is there", subject: subject)
        }
        if status.isRegularFile, status.size > 0 {
            throw StorageError(.failedPrecondition, "a file with data is there, and stays", subject: subject)
        }
        if unlinkat(directory.raw, name, status.isDirectory ? AT_REMOVEDIR : 0) < 0 {
            throw try TreeRemoval.refusal(of: Array(name.utf8), in: directory, errno, subject)
        }
    }
}
