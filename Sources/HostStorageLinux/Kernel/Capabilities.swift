// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// What the kernel lets a process do in addition to the modes of files.
///
/// Source: capabilities(7); the sets in /proc/self/status.
struct Capabilities: OptionSet, Sendable {
    let rawValue: UInt64

    static let sysPtrace = Capabilities(rawValue: 1 << 19)
    static let sysAdmin = Capabilities(rawValue: 1 << 21)
    static let sysResource = Capabilities(rawValue: 1 << 24)

    /// Of this process; all of them where the kernel lists none.
    static func own() throws(StorageError) -> Capabilities { try read("CapEff") ?? Capabilities(rawValue: .max) }

    /// Of the programs that this process starts: root's are limited by its bounding set.
    static func ofPrograms() throws(StorageError) -> Capabilities {
        try geteuid() == 0 ? own().intersection(read("CapBnd") ?? []) : read("CapAmb") ?? []
    }

    private static func read(_ set: String) throws(StorageError) -> Capabilities? {
        ProcFS.value(of: set, in: try Descriptor.contents(of: "/proc/self/status"))
            .flatMap { UInt64($0, radix: 16) }.map(Self.init)
    }
}
