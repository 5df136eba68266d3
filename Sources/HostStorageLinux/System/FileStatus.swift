// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc

/// What statx(2) says of a file.
struct FileStatus {
    /// The device that holds the file: for most filesystems the block device below them.
    let device: DeviceNumber
    /// The device that the file is, where it is one.
    let special: DeviceNumber
    let mountID: UInt64
    let isMountRoot: Bool
    private let mode: UInt32

    init(_ status: cls_status) {
        device = DeviceNumber(major: status.device_major, minor: status.device_minor)
        special = DeviceNumber(major: status.special_major, minor: status.special_minor)
        mountID = status.mount_id
        isMountRoot = status.is_mount_root != 0
        mode = status.mode
    }

    var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    var isLink: Bool { mode & S_IFMT == S_IFLNK }
    var isBlockDevice: Bool { mode & S_IFMT == S_IFBLK }
}

/// A kernel device number.
struct DeviceNumber: Hashable, Sendable, CustomStringConvertible {
    let major: UInt32
    let minor: UInt32

    var description: String { "\(major):\(minor)" }
}
