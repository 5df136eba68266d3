// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

@testable import HostStorageLinux

/// The product opens nothing in asynchronous code. Tests do, and may block their threads.
extension Descriptor {
    static func opened(_ path: String, _ flags: Int32) throws(StorageError) -> Descriptor {
        try Descriptor(opening: path, flags)
    }
}

extension OpenDisk {
    static func opened(_ node: DiskNode, _ flags: Int32 = O_RDONLY) throws(StorageError) -> OpenDisk {
        try OpenDisk(node, flags)
    }
}

extension OpenVolume {
    static func opened(_ found: LocatedVolume, _ access: Access = .shared) throws(StorageError) -> OpenVolume {
        try OpenVolume(found, access)
    }
}
