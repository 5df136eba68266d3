// SPDX-License-Identifier: Apache-2.0

import CLibUdev
import Glibc
import HostStorage

/// The kernel's events about block devices, straight from netlink, so that no udev daemon is needed.
struct BlockEvents: ~Copyable {
    private let udev: OpaquePointer
    private let monitor: OpaquePointer

    /// Listens from now on.
    init() throws(StorageError) {
        guard let udev = udev_new() else { throw StorageError(errno: errno, "udev_new") }
        guard let monitor = udev_monitor_new_from_netlink(udev, "kernel") else {
            udev_unref(udev)
            throw StorageError(errno: errno, "udev_monitor_new_from_netlink")
        }
        let filtered = udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", nil)
        let receiving = filtered < 0 ? filtered : udev_monitor_enable_receiving(monitor)
        guard receiving >= 0 else {
            udev_monitor_unref(monitor)
            udev_unref(udev)
            throw StorageError(errno: -receiving, "udev_monitor_enable_receiving")
        }
        self.udev = udev
        self.monitor = monitor
    }

    deinit {
        udev_monitor_unref(monitor)
        udev_unref(udev)
    }

    /// Waits for the next event, for at most `timeout`; false where none came.
    func next(within timeout: Duration) -> Bool {
        var descriptor = pollfd(fd: udev_monitor_get_fd(monitor), events: Int16(POLLIN), revents: 0)
        let milliseconds = timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000
        guard poll(&descriptor, 1, Int32(clamping: max(0, milliseconds))) > 0 else { return false }
        if let device = udev_monitor_receive_device(monitor) { udev_device_unref(device) }
        return true
    }

    /// Waits until `isReady`, asking again after every event; false where `limit` passes first.
    static func wait(for limit: Duration, until isReady: () -> Bool) throws(StorageError) -> Bool {
        if isReady() { return true }
        let events = try BlockEvents()
        let end = ContinuousClock.now + limit
        repeat {
            if isReady() { return true }
            // An event can come before the device node does; so ask again now and then as well.
            _ = events.next(within: min(.milliseconds(100), ContinuousClock.now.duration(to: end)))
        } while ContinuousClock.now < end
        return isReady()
    }

    /// Waits until no event has come for `quiet`, at most for `limit`.
    func settle(quiet: Duration, limit: Duration) {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end, next(within: quiet) {}
    }
}
