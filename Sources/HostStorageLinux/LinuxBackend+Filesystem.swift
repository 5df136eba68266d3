// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage
import Logging

extension LinuxBackend {
    public func pathExists(_ path: HostPath) async throws(StorageError) -> Bool {
        try await onPath(path) { resolver, path throws(StorageError) in try Self.exists(path, resolver) }
    }

    public func pathExists(atOnce path: HostPath) throws(StorageError) -> Bool? { try resolver.exists(cached: path) }

    public func isSymlink(atOnce path: HostPath) throws(StorageError) -> Bool? { try resolver.isMount(cached: path) }

    public func makeDirectory(_ path: HostPath) async throws(StorageError) {
        _ = try await onPath(path) { resolver, path throws(StorageError) in
            try DirectoryCreation.make(path, resolver)
        }
    }

    public func remove(_ path: HostPath, force: Bool) async throws(StorageError) {
        try await onPath(path) { [self] resolver, path throws(StorageError) in
            let (parent, name): (OpenDirectory, String)
            let wasMounted: Bool
            let status: FileStatus
            do throws(StorageError) {
                (parent, name) = try resolver.openParent(of: path)
                wasMounted = try MountTable.keptTop(on: name, in: parent.descriptor, "\(path)") != nil
                if wasMounted {
                    guard force else { throw TreeRemoval.removalError(EBUSY, "\(path)") }
                    try unmountAll(name, in: parent.descriptor, path)
                }
                status = try parent.descriptor.status(of: name, "\(path)")
            } catch  where force && error.code == .notFound {
                return
            }
            // An unmount leaves an empty directory. One that is not empty lay hidden below the mount, and is not this
            // layer's to empty.
            if wasMounted || !force {
                if wasMounted, !status.isDirectory, status.size > 0 {
                    throw StorageError(
                        .failedPrecondition, "a file with data lay hidden below the mount, and stays",
                        subject: "\(path)")
                }
                if unlinkat(parent.descriptor.raw, name, status.isDirectory ? AT_REMOVEDIR : 0) < 0 {
                    throw try TreeRemoval.refusal(of: Array(name.utf8), in: parent.descriptor, errno, "\(path)")
                }
            } else {
                try TreeRemoval.remove(name, in: parent.descriptor, "\(path)")
            }
        }
    }

    public func removeContents(of path: HostPath) async throws(StorageError) {
        try await onPath(path) { resolver, path throws(StorageError) in
            try TreeRemoval.removeContents(of: resolver.open(path, O_RDONLY | O_DIRECTORY), "\(path)")
        }
    }

    public func createSymlink(at link: HostPath, to target: HostPath) async throws(StorageError) {
        try await onPath(link) { resolver, link throws(StorageError) in
            let target = try resolver.onDiskName(target)
            do throws(StorageError) {
                // A caller that follows the new link must not leave the roots by another link behind it.
                _ = try resolver.resolvingSymlinks(target)
            } catch  where error.code == .notFound {}
            let (parent, name) = try resolver.openParent(of: link)
            try checkErrno(symlinkat(target.hostPath, parent.descriptor.raw, name), "symlinkat", "\(link)")
        }
    }

    public func isSymlink(_ path: HostPath) async throws(StorageError) -> Bool {
        try await onPath(path) { resolver, path throws(StorageError) in
            guard !path.isRoot else { return try resolver.open(path, cls_O_PATH).status("\(path)").isMountRoot }
            let (parent, name) = try resolver.openParent(of: path)
            // The mounted filesystem is not asked: it may be dead.
            if let mount = try parent.descriptor.mountID(of: name, "\(path)"),
                mount != (try parent.descriptor.mountID())
            {
                return true
            }
            guard try parent.descriptor.status(of: name, "\(path)").isLink else { return false }
            return try resolver.targetExists(ofLinkAt: path) ?? false
        }
    }

    private static func exists(_ path: HostPath, _ resolver: ConfinedPathResolver) throws(StorageError) -> Bool {
        do throws(StorageError) {
            if path.isRoot {
                _ = try resolver.open(path, cls_O_PATH)
            } else {
                let (parent, name) = try resolver.openParent(of: path)
                return try parent.descriptor.mountID(of: name, "\(path)") != nil
            }
            return true
        } catch  where error.code == .notFound || error.isSystemCall(errno: ENOTDIR) {
            // Below a file there is nothing.
            return false
        }
    }

    /// Takes every mount on the name away, the topmost first.
    private func unmountAll(
        _ name: String, in directory: borrowing Descriptor, _ path: HostPath
    ) throws(StorageError) {
        while let mount = try MountTable.top(on: name, in: directory, "\(path)") {
            // It may have come meanwhile.
            try resolver.requireMountsPermitted(on: name, in: directory, path)
            try unmount(mount, on: name, in: directory, path, force: true)
        }
    }

    /// Unmounts the topmost mount on the name.
    ///
    /// - Returns: why data are lost with it, which is logged as well; nil where none are.
    @discardableResult
    func unmount(
        _ mount: Mount, on name: String, in directory: borrowing Descriptor, _ path: HostPath, force: Bool = false
    ) throws(StorageError) -> String? {
        if let volume = mountRecords.volume(of: mount) { try frozen.requireThawed(volume) }
        let loss = try Unmount.unmount(
            mount, on: name, in: directory, at: path.hostPath, subject: "\(path)", force: force)
        if let loss {
            var metadata: Logger.Metadata = ["path": "\(path)", "source": "\(mount.source)", "type": "\(mount.type)"]
            if let volume = mountRecords.volume(of: mount) { metadata["volume"] = "\(volume)" }
            logger.warning(
                "a mount was taken away, and what was not yet written is lost: \(loss)", metadata: metadata)
        }
        if let left = try? KeptMountTable.own.mounts(), !left.contains(where: { $0.device == mount.device }) {
            mountRecords.forget(mount)
        }
        return loss
    }
}
