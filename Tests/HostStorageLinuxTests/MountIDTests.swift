// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage
import Testing

@testable import HostStorageLinux

@Suite struct MountIDTests {
    /// Some of these filesystems have no file handles.
    @Test(arguments: ["/", "/proc", "/sys", "/dev", "/dev/null", "/etc/passwd", "/tmp", "/proc/self/ns/mnt"])
    func bothWaysGiveTheSameID(_ path: String) throws {
        let place = try Descriptor(opening: path, cls_O_PATH)
        #expect(try place.mountID() == place.mountIDByProcess())
        #expect(try place.mountID() > 0)
    }
}
