// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Glibc
package import HostStorage

/// The first steps of a program that works on disks.
package enum ProcessStart {
    /// Standard files, signals, and /proc, without which the program cannot read its own arguments.
    package static func secure() throws(StorageError) {
        try check(cls_keep_standard_files(), "open", "/dev/null")
        try ProcessSignals.catchAll()
        guard ["status", "cmdline", "mountinfo", "fd"].allSatisfy({ access("/proc/self/\($0)", R_OK) == 0 }) else {
            throw StorageError(
                .failedPrecondition, "/proc is not mounted, or not readable; mount it", subject: "/proc/self")
        }
        // Without it no disk is known, and every volume would be missing.
        guard access("/sys/class/block", R_OK | X_OK) == 0 else {
            throw StorageError(
                .failedPrecondition, "/sys is not mounted, or not readable; mount it", subject: "/sys/class/block")
        }
        guard !CommandLine.arguments.isEmpty else {
            throw StorageError(.failedPrecondition, "the arguments cannot be read", subject: "/proc/self/cmdline")
        }
        // Swift would replace bytes that are no UTF-8, and so name other files.
        let arguments = try Descriptor.bytes(of: "/proc/self/cmdline")
        guard String(validating: arguments, as: UTF8.self) != nil else {
            throw StorageError(.invalidArgument, "the arguments are to be UTF-8", subject: "/proc/self/cmdline")
        }
    }

    /// Ends the program before it has a log.
    package static func fail(_ text: String) -> Never {
        var line = "\(text)\n"
        _ = line.withUTF8 { Glibc.write(2, $0.baseAddress, $0.count) }
        _exit(1)
    }
}
