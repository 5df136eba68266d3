// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
import HostStorage

extension ConfinedPathResolver {
    /// The place with the names that it has on the host, where the policy takes names as Windows does: as
    /// far as it is there, and as the caller spelled it from there on.
    ///
    /// This is about names alone. A link or a file in the way ends it, and the open of the place then fails.
    func onDiskName(_ path: HostPath) throws(StorageError) -> HostPath {
        guard policy.ignoresCase else {
            try policy.requireConfined(path)
            return path
        }
        try policy.requireConfinable(path)
        var found: [String] = []
        do throws(StorageError) {
            var directory = OpenDirectory(try openRoot(path.root))
            let limits = try MountLimits(path.confinement, root: directory.descriptor, inventory)
            for name in path.components {
                guard let match = try Self.match(name, in: directory.descriptor, "\(path)") else { break }
                found.append(match)
                guard found.count < path.components.count else { break }
                directory = OpenDirectory(
                    try directory.descriptor.openName(
                        match, cls_O_PATH | O_DIRECTORY, crossing: limits, "\(path)"))
            }
        } catch {
            if ![.notFound, .failedPrecondition].contains(error.code) || error.cause == nil {
                // A name is revealed only where the call may look.
                try policy.requireConfined(path.replacingComponents(found))
                throw error
            }
        }
        let actual = path.replacingComponents(found + path.components.dropFirst(found.count))
        try policy.requireConfined(actual)
        return actual
    }

    /// Most callers spell names exactly, which saves reading the directory.
    private static func match(
        _ name: String, in directory: borrowing Descriptor, _ subject: String
    ) throws(StorageError) -> String? {
        if (try? directory.status(of: name, subject)) != nil { return name }
        var names: [String] = []
        try directory.forEachName(subject) { name in
            names.append(name)
            return true
        }
        return try NameLookup.match(name, among: names)
    }
}
