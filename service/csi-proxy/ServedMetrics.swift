// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageLinux
import ProxyMetrics
import ProxyServer

/// The metrics of `serve` besides those of its calls.
enum ServedMetrics {
    /// Longer than most operations on disks and paths; one that takes longer needs a look.
    private static let timeout: Duration = .seconds(60)

    private static let running = "csi_proxy_operations_running"
    private static let waiting = "csi_proxy_operations_waiting"
    private static let oldest = "csi_proxy_oldest_operation_seconds"
    private static let slow = "csi_proxy_stuck_operations"

    private static let droppedLog = "csi_proxy_dropped_log_lines_total"
    private static let droppedAudit = "csi_proxy_dropped_audit_lines_total"

    static var descriptions: [String: String] {
        let own = [
            running: "Operations that change something and are under way, also those whose callers have left.",
            waiting: "Operations that wait for others to end.",
            oldest: "For how long the oldest of the running operations has been; 0 where there is none.",
            slow: "Disks, paths and services that one piece of work has been at for longer than 60 s.",
            droppedLog: "Lines of the log that could not be written, such as to a pipe without a reader.",
            droppedAudit: "Lines of the audit log that could not be written.",
            "process_resident_memory_bytes": "Memory of the process that is in RAM.",
            "process_virtual_memory_bytes": "Address space of the process.",
            "process_open_fds": "Open files of the process.",
            "process_threads": "Threads of the process.",
            "process_cpu_seconds_total": "Time that processors have spent on the process.",
            "process_start_time_seconds": "When the process was started, in seconds since 1970.",
        ]
        return [own, CallMetrics.descriptions, AccessControl.descriptions].reduce(into: [:]) { all, some in
            all.merge(some) { first, _ in first }
        }
    }

    static func add(of host: LinuxHost, to registry: MetricsRegistry) {
        registry.addReadings {
            let operations = host.operations.running
            return [
                Reading(running, .gauge, Double(operations.count)),
                Reading(waiting, .gauge, Double(host.operations.waiting.count)),
                Reading(oldest, .gauge, (operations.first?.age ?? .zero) / .seconds(1)),
                Reading(slow, .gauge, Double(host.backend.countAtWork(longerThan: timeout))),
                Reading(droppedLog, .counter, Double(ProgramLog.dropped(.log))),
                Reading(droppedAudit, .counter, Double(ProgramLog.dropped(.audit))),
            ]
        }
        registry.addReadings { (try? ProcessUsage()).map(readings) ?? [] }
    }

    /// By the names that are customary for every program.
    private static func readings(of usage: ProcessUsage) -> [Reading] {
        [
            Reading("process_resident_memory_bytes", .gauge, Double(usage.residentBytes)),
            Reading("process_virtual_memory_bytes", .gauge, Double(usage.virtualBytes)),
            Reading("process_open_fds", .gauge, Double(usage.openFiles)),
            Reading("process_threads", .gauge, Double(usage.threads)),
            Reading("process_cpu_seconds_total", .counter, usage.processorTime / .seconds(1)),
            Reading("process_start_time_seconds", .gauge, usage.startTime),
        ]
    }
}
