// SPDX-License-Identifier: Apache-2.0

/// Which of the disks that carry the running system callers may mount, and be told of, all the same.
///
/// None, unless whoever makes a call names them for it: in the task of the call, or over a socket by a rule of the
/// policy that names the disk. Such a disk is never partitioned, formatted, grown or set offline.
public enum SystemDiskUse {
    @TaskLocal public static var names: (@Sendable (DiskIdentifiers) -> Bool)?
}
