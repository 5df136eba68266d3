// SPDX-License-Identifier: Apache-2.0

import HostStorage
import LoopDisks

extension FilesystemKind {
    /// The complaints of the filesystem's own check about a device's content; nil where it has none.
    func complaints(about device: String) -> String? {
        do {
            switch self {
            case .ext4: try Command.run("e2fsck", "-f", "-n", device)
            case .xfs: try Command.run("xfs_repair", "-n", device)
            case .btrfs: try Command.run("btrfs", "check", "--readonly", device)
            case .ntfs: try Command.run("ntfsfix", "-n", device)
            case .exfat: try Command.run("fsck.exfat", "-n", device)
            }
            return nil
        } catch {
            return "\(error)"
        }
    }
}
