// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

/// What is at a place: a name in an open directory, and whether the mount on it works.
enum TargetLook {
    enum Sight {
        case absent, directory, file, special
        case link(String)
        case mounted(Mount)
        case dead(Mount, String)
        case silent(Mount)
    }

    static func sight(of path: HostPath, _ resolver: ConfinedPathResolver) throws(StorageError) -> Sight {
        guard !path.isRoot else {
            let root = try resolver.open(path, cls_O_PATH)
            guard try root.status("\(path)").isMountRoot, let mount = try root.mount() else { return .directory }
            return .mounted(mount)
        }
        do throws(StorageError) {
            let (parent, name) = try resolver.openParent(of: path)
            if let top = try MountTable.top(on: name, in: parent.descriptor, "\(path)") {
                return try health(of: top, on: name, in: parent.descriptor)
            }
            let status = try parent.descriptor.status(of: name, "\(path)")
            if status.isDirectory { return .directory }
            if status.isRegularFile { return .file }
            guard status.isLink else { return .special }
            return .link(try parent.descriptor.linkText(of: name, "\(path)"))
        } catch  where error.code == .notFound || error.isSystemCall(errno: ENOTDIR) {
            // Below a file there is nothing.
            return .absent
        }
    }

    /// Whether the topmost mount on a name works. A server or a program gets a second to answer.
    private static func health(
        of mount: Mount, on name: String, in directory: borrowing Descriptor
    ) throws(StorageError) -> Sight {
        guard mount.isServed else {
            // A device node, which an open would open the device of.
            if mount.type == "devtmpfs" { return .mounted(mount) }
            let death = try MountHealth.visibleDeath(of: mount, on: name, in: directory)
            return death.map { .dead(mount, $0) } ?? .mounted(mount)
        }
        switch try ServerAnswer.ask(name, in: directory, within: 1) {
        case .works: return .mounted(mount)
        case .fails(let code): return .dead(mount, MountHealth.meaning(ofErrno: code) ?? "errno \(code)")
        case .isSilent: return .silent(mount)
        }
    }
}
