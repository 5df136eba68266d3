// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The kernel's events about devices of any kind (uevents).
enum KernelEvents {
    /// How many the kernel has sent since the boot (Documentation/ABI/testing/sysfs-kernel-uevent_seqnum); nil where that
    /// cannot be read. The kernel counts an event before the system call that causes it returns, and in every namespace.
    ///
    /// From Linux 6.15 on it counts one when a loop device gets or loses its file. Before, events were held back meanwhile
    /// ("loop: properly send KOBJ_CHANGED uevent for disk device"): see ``countsLoopDevices``.
    static func count() -> UInt64? { try? Sysfs.number("/sys/kernel/uevent_seqnum") }

    /// Whether the running kernel counts an event for each change of a loop device's file.
    static let countsLoopDevices = countsLoopDevices(release: release())

    /// - Parameter release: as uname(2) has it: "6.18.2-amd64".
    static func countsLoopDevices(release: String) -> Bool {
        let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
        return numbers.count == 2 && (numbers[0], numbers[1]) >= (6, 15)
    }

    private static func release() -> String {
        var name = utsname()
        guard uname(&name) == 0 else { return "" }
        return withUnsafeBytes(of: name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
