// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc

/// The fields of statx(2) of a file.
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
    /// Whether chattr(1) protects it from removal: "immutable" or "append-only".
    let protection: String?
    private let birth: FileIdentity.Birth
    private let mode: UInt32

    init(_ status: cls_status) {
        device = DeviceNumber(major: status.device_major, minor: status.device_minor)
        special = DeviceNumber(major: status.special_major, minor: status.special_minor)
        mountID = status.mount_id
        inode = status.inode
        size = Int64(status.size)
        isMountRoot = status.is_mount_root != 0
        protection = status.is_immutable != 0 ? "immutable" : status.is_append_only != 0 ? "append-only" : nil
        birth = FileIdentity.Birth(seconds: status.birth_seconds, nanoseconds: status.birth_nanoseconds)
        mode = status.mode
    }

    var identity: FileIdentity {
        FileIdentity(device: device, mountID: mountID, inode: inode, birth: birth)
    }

    var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    var isRegularFile: Bool { mode & S_IFMT == S_IFREG }
    var isLink: Bool { mode & S_IFMT == S_IFLNK }
    var isBlockDevice: Bool { mode & S_IFMT == S_IFBLK }
}

/// Which file it is, seen through which mount. A file that was made later has another one, also where it got
/// the inode number of one that is gone.
struct FileIdentity: Hashable, Sendable {
    let device: DeviceNumber
    let mountID: UInt64
    let inode: UInt64
    let birth: Birth

    struct Birth: Hashable, Sendable {
        let seconds: Int64
        let nanoseconds: UInt32
    }
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
