// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// Where a thread of this process is in the kernel.
///
/// Source: proc(5), /proc/PID/task/TID/wchan, stack and syscall.
enum KernelWait {
    /// Nil where it is not in the kernel, or the kernel does not say.
    static func of(thread: Int32) -> String? {
        let directory = "/proc/self/task/\(thread)"
        let function = (try? Descriptor.contents(of: "\(directory)/wchan")).flatMap { text in
            text.isEmpty || text == "0" ? nil : "in the kernel's \(text)"
        }
        let number = (try? Descriptor.contents(of: "\(directory)/syscall")).flatMap { text in
            text.split(separator: " ").first.flatMap { Int($0) }.map { "system call \($0)" }
        }
        let parts = [function, number].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
