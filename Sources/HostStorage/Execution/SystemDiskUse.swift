// SPDX-License-Identifier: Apache-2.0

/// The disks of the running system that a call may mount, and ask about, all the same.
///
/// None, unless the caller names them: a program that links the library with ``current`` in the task of its call, a
/// caller of the proxy by a rule of the policy that names the disk. Such a disk is never partitioned, formatted, grown
/// or set offline.
public struct SystemDiskUse: Sendable {
    // A structure around the closure: with a closure as the task-local value itself, code that Swift 6.3 optimises
    // crashes in `swift_task_localValuePush`.
    @TaskLocal public static var current: SystemDiskUse?

    private let isNamed: @Sendable (DiskIdentifiers) -> Bool

    public init(where isNamed: @escaping @Sendable (DiskIdentifiers) -> Bool) {
        self.isNamed = isNamed
    }

    public func names(_ disk: DiskIdentifiers) -> Bool {
        isNamed(disk)
    }
}
