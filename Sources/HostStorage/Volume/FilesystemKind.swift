// SPDX-License-Identifier: Apache-2.0

/// The filesystems that a host can be set to make. The raw value is the kernel's and libblkid's name.
@nonexhaustive public enum FilesystemKind: String, Sendable, Hashable, Codable, CaseIterable {
    case ext4, xfs, btrfs, ntfs, exfat
}
