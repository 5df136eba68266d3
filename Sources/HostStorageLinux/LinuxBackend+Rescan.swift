// SPDX-License-Identifier: Apache-2.0

public import HostStorage
import Logging

extension LinuxBackend {
    /// Each host and each disk is asked in a queue of its own: one that does not answer delays no other.
    public func rescanDisks() async throws(StorageError) {
        let disks = try await queues.run(in: .inventory) { [inventory] () throws(StorageError) in
            try inventory.disks()
        }
        let requests = try await queues.run(in: .bus("hosts")) { () throws(StorageError) in try Rescan.requests() }
        let asked = await withTaskGroup(of: Bool.self) { group in
            for request in requests { group.addTask { await self.send(request) } }
            for disk in disks where disk.name.hasPrefix("loop") {
                group.addTask {
                    await self.growLoop(disk)
                    // The kernel handles a loop device at once.
                    return false
                }
            }
            return await group.reduce(false) { $0 || $1 }
        }
        try await queues.run(in: .bus("events")) { [inventory, pendingDisks, logger] () throws(StorageError) in
            // Hosts report new disks a little after they were asked.
            if asked {
                try BlockEvents().settle(quiet: .milliseconds(100), limit: .seconds(5))
                let left = try pendingDisks.wait(for: Rescan.timeoutForDisks)
                if !left.isEmpty { logger.warning("rescan: no disk has come of these units: \(left)") }
            }
            _ = try inventory.disks()
        }
    }

    private func send(_ request: Rescan.Request) async -> Bool {
        do throws(StorageError) {
            try await queues.run(in: .bus(request.path), for: .search, timeout: Rescan.timeout) {
                () throws(StorageError) in
                try Descriptor.write(request.text, to: request.path)
            }
            return true
        } catch {
            logger.warning("rescan: \(error)", metadata: ["path": "\(request.path)"])
            return false
        }
    }

    private func growLoop(_ disk: DiskNode) async {
        let queue = BlockingQueues.Queue.disk(name: disk.name)
        do throws(StorageError) {
            guard queues.timeAtWork(in: queue) < BlockingQueues.timeout else {
                throw StorageError(.deadlineExceeded, "it does not answer", subject: disk.devicePath)
            }
            try await queues.run(in: queue, for: .search, timeout: timeout) { () throws(StorageError) in
                try Rescan.growLoop(disk)
            }
        } catch {
            logger.warning("rescan: \(error)", metadata: ["disk": "\(disk.number)"])
        }
    }
}
