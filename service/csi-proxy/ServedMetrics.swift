// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageLinux
import ProxyMetrics
import ProxyServer

/// What `serve` tells of itself, beyond what its calls are counted by.
enum ServedMetrics {
    /// Longer than most that is done to disks and paths; what is at it still has to be looked at.
    private static let patience: Duration = .seconds(60)

    private static let running = "csi_proxy_operations_running"
    private static let waiting = "csi_proxy_operations_waiting"
    private static let oldest = "csi_proxy_oldest_operation_seconds"
    private static let slow = "csi_proxy_slow_lanes"

    static var descriptions: [String: String] {
        let own = [
            running: "Operations that change something and are under way, also those whose callers have left.",
            waiting: "Operations that wait for others to end.",
            oldest: "For how long the oldest of the running operations has been; 0 where there is none.",
            slow: "Disks, paths and services that one piece of work has been at for longer than 60 s.",
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

    static func add(of host: Host<LinuxBackend>, to registry: MetricsRegistry) {
        registry.addReading(running, .gauge) { Double(host.operations.running.count) }
        registry.addReading(waiting, .gauge) { Double(host.operations.waiting.count) }
        registry.addReading(oldest, .gauge) { (host.operations.running.first?.age ?? .zero) / .seconds(1) }
        registry.addReading(slow, .gauge) { Double(host.backend.countAtWork(longerThan: patience)) }
        for (name, kind, value) in processReadings {
            registry.addReading(name, kind) { (try? ProcessUsage()).map(value) }
        }
    }

    /// The names that every program has them by.
    private static var processReadings: [(String, MetricKind, @Sendable (ProcessUsage) -> Double)] {
        [
            ("process_resident_memory_bytes", .gauge, { Double($0.residentBytes) }),
            ("process_virtual_memory_bytes", .gauge, { Double($0.virtualBytes) }),
            ("process_open_fds", .gauge, { Double($0.openFiles) }),
            ("process_threads", .gauge, { Double($0.threads) }),
            ("process_cpu_seconds_total", .counter, { $0.processorTime / .seconds(1) }),
            ("process_start_time_seconds", .gauge, { $0.startTime }),
        ]
    }
}
