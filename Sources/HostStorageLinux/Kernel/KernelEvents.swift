// SPDX-License-Identifier: Apache-2.0

/// The kernel's events about devices of any kind (uevents).
enum KernelEvents {
    /// How many the kernel has sent since the boot (Documentation/ABI/testing/sysfs-kernel-uevent_seqnum); nil where that
    /// cannot be read. The kernel counts an event before the system call that causes it returns, and in every namespace.
    static func count() -> UInt64? { try? Sysfs.number("/sys/kernel/uevent_seqnum") }
}
