// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// Whether the machine sees the mounts of this process. In a mount namespace of its own, such as a container's, it does
/// so only beneath mounts that propagate to the machine's.
///
/// Source: mount_namespaces(7), proc_pid_mountinfo(5).
package struct MountVisibility: Sendable {
    /// The peer groups of the machine's own mounts; nil where they cannot be read.
    private let groups: Set<Substring>?
    /// Whether this process is in the machine's mount namespace.
    private let isMachines: Bool

    /// PROC_PID_INIT_INO, linux/proc_ns.h: the first process that is seen there is the machine's.
    private static let firstPIDs = "pid:[4026531836]"

    /// As of now.
    package init() {
        let seesMachine = Sysfs.linkText("/proc/self/ns/pid") == Self.firstPIDs
        let (own, first) = (Sysfs.linkText("/proc/self/ns/mnt"), Sysfs.linkText("/proc/1/ns/mnt"))
        isMachines = seesMachine && own != nil && own == first
        let mounts = seesMachine ? try? Descriptor.contents(of: "/proc/1/mountinfo") : nil
        groups = mounts.map { text in
            Set(text.split(separator: "\n").flatMap { Mount($0)?.groups ?? [] })
        }
    }

    /// Why the machine does not see mounts at or beneath a path; nil where it does.
    ///
    /// - Parameter isMounted: it is mounted already, so the mount below it counts.
    package func reasonAgainst(_ path: String, isMounted: Bool = false) -> String? {
        if isMachines { return nil }
        guard let mounts = try? Descriptor.contents(of: "/proc/self/mountinfo") else { return nil }
        // The last mount at the longest path is the one on top.
        let above = mounts.split(separator: "\n").compactMap(Mount.init)
            .filter { $0.holds(path) && (!isMounted || $0.path != path) }
            .max { $0.path.utf8.count < $1.path.utf8.count || ($0.path == $1.path && $0.order < $1.order) }
        guard let above else { return nil }
        guard let shared = above.shared else {
            return "the mount at \(above.path) is not shared with the machine's mount namespace"
        }
        guard let groups, !groups.contains(shared) else { return nil }
        return "the mount at \(above.path) is shared with no mount of the machine's"
    }

    private struct Mount {
        let path: String
        let order: Int
        /// The peer group that it is a member of, and with it those that it receives from.
        let shared: Substring?
        let groups: [Substring]

        init?(_ line: Substring) {
            let fields = line.split(separator: " ")
            guard fields.count > 6, let id = Int(fields[0]) else { return nil }
            order = id
            path = Self.unescaped(fields[4])
            let tags = fields[6...].prefix { $0 != "-" }
            shared = tags.first { $0.hasPrefix("shared:") }?.dropFirst("shared:".count)
            groups = tags.compactMap { tag in
                guard tag.hasPrefix("shared:") || tag.hasPrefix("master:") else { return nil }
                return tag[tag.index(after: tag.firstIndex(of: ":") ?? tag.startIndex)...]
            }
        }

        func holds(_ other: String) -> Bool { path == "/" || other == path || other.hasPrefix("\(path)/") }

        /// Blanks and backslashes are in octal.
        private static func unescaped(_ text: Substring) -> String {
            var bytes: [UInt8] = []
            var rest = text.utf8[...]
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "\\"), let code = UInt8(String(Substring(rest.prefix(3))), radix: 8) {
                    bytes.append(code)
                    rest = rest.dropFirst(3)
                } else {
                    bytes.append(byte)
                }
            }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
