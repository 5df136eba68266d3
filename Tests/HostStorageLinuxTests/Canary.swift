// SPDX-License-Identifier: Apache-2.0

import Foundation
import LoopDisks
import Testing

@testable import HostStorageLinux

/// A tree that must stay as it is. A change that is undone shows as well, in the times of its directories.
struct Canary {
    let path: String
    private let fingerprint: String

    /// Makes directories that hold a file each, and others that hold nothing.
    init(at path: String, directories: [String], emptyDirectories: [String] = []) throws {
        self.path = path
        for directory in emptyDirectories {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(directory)", withIntermediateDirectories: true)
        }
        for directory in directories {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(directory)", withIntermediateDirectories: true)
            try "kept".write(toFile: "\(path)/\(directory)/kept", atomically: false, encoding: .utf8)
        }
        fingerprint = try Self.fingerprint(of: path)
    }

    func isUnchanged() throws -> Bool {
        let mounts = try MountTable.read().filter { $0.target.hasPrefix(path) }
        return try mounts.isEmpty && Self.fingerprint(of: path) == fingerprint
    }

    /// Every name with its inode, owner, mode, size and times, and the bytes of all files.
    private static func fingerprint(of path: String) throws -> String {
        try Command.run(
            "sh", "-c",
            #"cd "$0" && find . -printf '%p %i %U %m %s %T@ %C@ %l\n' | sort && find . -type f -exec cksum {} + | sort"#,
            path)
    }
}

/// A magic link of /proc that leads to a directory for as long as this lives. Tests use it in place of
/// /proc/self/root: no link of a test leads anywhere but into its own scratch directory, so that a test that
/// fails, or whose guard was taken out to see it fail, destroys nothing.
final class MagicLink: Sendable {
    private let directory: Descriptor

    init(to path: String) throws { directory = try Descriptor(opening: path, O_RDONLY | O_DIRECTORY) }

    var path: String { "/proc/\(getpid())/fd/\(directory.raw)" }
}
