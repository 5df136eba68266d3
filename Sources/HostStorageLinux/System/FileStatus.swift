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
    let inode: UInt64
    /// In bytes.
    let size: Int64
    let isMountRoot: Bool
    private let mode: UInt32

    init(_ status: cls_status) {
        device = DeviceNumber(major: status.device_major, minor: status.device_minor)
        special = DeviceNumber(major: status.special_major, minor: status.special_minor)
        mountID = status.mount_id
        inode = status.inode
        size = Int64(status.size)
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

    init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// Takes a C library's `dev_t` apart.
    init(_ device: dev_t) {
        self.init(major: cls_device_major(UInt64(device)), minor: cls_device_minor(UInt64(device)))
    }

    var description: String { "\(major):\(minor)" }
}
