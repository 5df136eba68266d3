// SPDX-License-Identifier: Apache-2.0

import Glibc
package import HostStorage

/// This process's use of its machine, as of one moment.
///
/// Source: proc(5). Files of /proc/self are in memory: reading them delays no other work.
package struct ProcessUsage: Sendable {
    package var residentBytes: Int64
    package var virtualBytes: Int64
    package var openFiles: Int
    package var threads: Int64
    /// Of all its threads, in the kernel too.
    package var processorTime: Duration
    /// Seconds since 1970.
    package var startTime: Double

    package init() throws(StorageError) {
        let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let memory = try Descriptor.contents(of: "/proc/self/statm").split(separator: " ").map { Int64($0) ?? 0 }
        // The second field is the program's name in parentheses, which may hold anything; so count from its end.
        let status = try Descriptor.contents(of: "/proc/self/stat")
        let fields = status[(status.lastIndex(of: ")") ?? status.startIndex)...].split(separator: " ").map {
            Int64($0) ?? 0
        }
        let machine = try Descriptor.contents(of: "/proc/stat").split(separator: "\n")
        guard memory.count >= 2, fields.count >= 21,
            let boot = machine.first(where: { $0.hasPrefix("btime ") }).flatMap({ Double($0.dropFirst(6)) })
        else { throw StorageError(.internalError, "the kernel describes this process in an unknown form") }
        virtualBytes = memory[0] * page
        residentBytes = memory[1] * page
        // Less the descriptor that looks.
        openFiles = try Sysfs.names(in: "/proc/self/fd").count - 1
        threads = fields[18]
        processorTime = .seconds(Double(fields[12] + fields[13]) / ticks)
        startTime = boot + Double(fields[20]) / ticks
    }
}
