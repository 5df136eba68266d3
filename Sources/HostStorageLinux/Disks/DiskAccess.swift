// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// What this process lacks to work on disks at all. For a program's start: it says nothing about a single disk.
package enum DiskAccess {
    /// Sentences for the log, none where nothing is missing. May wait for a device, so it is for a thread of its own.
    package static func lacks() -> [String] {
        var lacks: [String] = []
        if let own = try? Capabilities.own(), !own.contains(.sysAdmin) {
            lacks.append("this process may not mount (CAP_SYS_ADMIN is missing); calls about volumes will fail")
        }
        let disks = Sysfs.readableNames(in: "/sys/block").filter { name in
            !["ram", "zram", "loop"].contains { name.hasPrefix($0) }
        }
        var reasons: [String] = []
        for disk in disks {
            // /dev/cciss/c0d0 is cciss!c0d0 in sysfs.
            let path = BlockDeviceName.path(of: disk)
            let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            if file >= 0 {
                close(file)
                return lacks
            }
            // A drive without a medium shows nothing.
            if errno != ENOMEDIUM, errno != ENXIO { reasons.append("\(path): \(String(cString: strerror(errno)))") }
        }
        if !reasons.isEmpty {
            let shown = reasons.prefix(3).joined(separator: "; ") + (reasons.count > 3 ? "; …" : "")
            lacks.append("none of the machine's \(disks.count) disks can be opened by uid \(geteuid()): \(shown)")
        }
        return lacks
    }
}
