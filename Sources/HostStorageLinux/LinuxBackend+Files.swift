// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
public import HostStorage

extension LinuxBackend {
    public func ensureDirectory(_ path: HostPath, mode: FileMode) async throws(StorageError) -> Bool {
        try await onPath(path) { resolver, path throws(StorageError) in
            try DirectoryCreation.make(path, resolver, mode: mode)
        }
    }

    public func ensureFile(_ path: HostPath, mode: FileMode) async throws(StorageError) -> Bool {
        try await onPath(path) { resolver, path throws(StorageError) in
            try SmallFile.ensure(path, mode: mode, resolver)
        }
    }

    public func ensureSymlink(
        at link: HostPath, to target: HostPath, requiresMount: Bool
    ) async throws(StorageError) -> Bool {
        if requiresMount {
            guard try await targetState(of: target).mount != nil else {
                throw StorageError(.failedPrecondition, "nothing is mounted there", subject: "\(target)")
            }
        }
        do throws(StorageError) {
            try await createSymlink(at: link, to: target)
            return true
        } catch  where error.code == .alreadyExists {
            let isSame = try await onPath(link) { resolver, link throws(StorageError) in
                let (parent, name) = try resolver.openParent(of: link)
                let text = try parent.descriptor.linkTextIfLink(of: name, "\(link)")
                return try text?.isIdentical(to: resolver.onDiskName(target).hostPath) ?? false
            }
            guard isSame else { throw error }
            return false
        }
    }

    public func readFile(_ path: HostPath) async throws(StorageError) -> [UInt8] {
        try await onPath(path) { resolver, path throws(StorageError) in try SmallFile.read(path, resolver) }
    }

    public func writeFile(_ bytes: [UInt8], to path: HostPath, mode: FileMode) async throws(StorageError) {
        try await onPath(path) { resolver, path throws(StorageError) in
            try SmallFile.write(bytes, to: path, mode: mode, resolver)
        }
    }

    public func canonicalPath(of path: HostPath) async throws(StorageError) -> String {
        try await onPath(path) { resolver, path throws(StorageError) in
            let place = try resolver.resolvingSymlinks(path)
            _ = try resolver.open(place, cls_O_PATH)
            return place.hostPath
        }
    }
}
