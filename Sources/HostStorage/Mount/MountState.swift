// SPDX-License-Identifier: Apache-2.0

/// A mount as the kernel has it.
public struct MountState: Sendable, Hashable, Codable {
    /// What is mounted: the kernel's name of a device ("sda1"), a share ("//server/share"), an export
    /// ("server:/export"), or the name that a filesystem without a device goes by ("tmpfs").
    public var source: String
    /// The kernel's name of the filesystem: "ext4", "nfs4", "fuse.sshfs".
    public var type: String
    /// The directory or file of the filesystem that is mounted, from its own top on: "/" for the whole.
    public var root: String
    /// The options of this mount and of its filesystem as the kernel shows them, sorted, such as "nosuid". Without
    /// passwords, which the kernel does not show.
    public var options: [String]
    /// Whether writes are refused, by this mount or by its filesystem.
    public var isReadOnly: Bool
    /// The mount's ID in mountinfo (proc_pid_mountinfo(5)). The kernel gives it to another mount after the unmount.
    public var id: UInt64
    /// The volume, where this host has mounted it by its ID.
    public var volume: VolumeID?
    /// The disk below, where there is one and the host knows it.
    public var disk: DiskNumber?

    public init(
        source: String, type: String, root: String = "/", options: [String] = [], isReadOnly: Bool = false, id: UInt64,
        volume: VolumeID? = nil, disk: DiskNumber? = nil
    ) {
        self.source = source
        self.type = type
        self.root = root
        self.options = options
        self.isReadOnly = isReadOnly
        self.id = id
        self.volume = volume
        self.disk = disk
    }

    /// The same for a caller that may not know of the disk: what is mounted is left out.
    var withoutSource: MountState {
        var state = self
        (state.source, state.root, state.options, state.volume, state.disk) = ("", "", [], nil, nil)
        return state
    }
}
