// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostStorage

/// The growth of a volume: its partition's, then its filesystem's.
struct VolumeGrowth {
    private let volume: OpenVolume
    private let plan: ResizePlan
    private let filesystem: FilesystemGrowth
    private let way: FilesystemGrowth.Way
    private let journal: IntentJournal
    /// The bytes that the volume is to have.
    private let whole: Int64

    /// Nil where there is nothing to do. Changes nothing on the disk, and fails where the volume cannot grow so far.
    ///
    /// - Parameter volume: its disk's lock is held, and it is open for a change of its table.
    init?(of volume: OpenVolume, to size: VolumeSize, _ journal: IntentJournal) throws(StorageError) {
        let plan = try PartitionGrowth.plan(size, for: volume)
        let filesystem = try FilesystemGrowth(of: volume)
        let begun = try journal.intent(.resize, volume.id.guid)
        // An earlier call may have grown the partition and not the filesystem.
        if plan == .keep, try !filesystem.isBehind(by: filesystem.driver.leastGrowth(of: volume)), begun == nil {
            return nil
        }
        whole =
            switch plan {
            case .keep: volume.device.size
            case .grow(let bytes): bytes
            }
        // Behind a growth of this filesystem that was cut off there is data of that growth, up to its planned end.
        let isSame = begun?.uuid != nil && begun?.uuid == filesystem.uuid
        try PartitionGrowth.requireRoom(
            plan, for: volume, filesystem.driver, beyond: isSame ? begun?.size ?? 0 : 0)
        way = try filesystem.driver.prepare(filesystem, to: whole)
        self.volume = volume
        self.plan = plan
        self.filesystem = filesystem
        self.journal = journal
    }

    private var isByTool: Bool { if case .tool = way { true } else { false } }

    /// What runs before anything is changed: the tool that looks for faults, where a tool is to grow the filesystem.
    func checkRuns() throws(StorageError) -> [ToolRun] {
        isByTool ? [try filesystem.driver.checkRun(on: volume)] : []
    }

    /// Records the growth and grows the partition, and the filesystem too where the kernel can.
    func growPartition() throws(StorageError) {
        // Another process may have mounted it while the tool checked it.
        if isByTool { try filesystem.requireUnused() }
        if case .grow(let bytes) = plan, let partition = volume.partition {
            try KernelPartitions(disk: volume.disk).makeRoom(for: partition, toGrowTo: bytes)
        }
        let begun = try journal.intent(.resize, volume.id.guid)
        let earlier = begun?.uuid == filesystem.uuid ? begun?.size ?? 0 : 0
        try journal.record(
            .resize, volume.id.guid, on: volume.disk.node, uuid: filesystem.uuid, size: max(whole, earlier))
        if case .grow(let bytes) = plan, let partition = volume.partition {
            try PartitionGrowth.grow(partition, to: bytes, on: volume.disk)
        }
        if case .kernel(let directory) = way {
            // It is open until after the call, not only until its number was read.
            defer { withExtendedLifetime(directory) {} }
            try filesystem.driver.grow(volume, through: directory, to: volume.descriptor.blockSize(volume.path))
        }
    }

    /// After a failure: where nothing was written behind the filesystem, nothing of this growth is there to go on with, and
    /// its record allows nothing any more.
    func abandon() {
        let start = volume.partition?.start ?? 0
        guard
            (try? PartitionRoom.requireBlank(
                behind: volume, filesystem.driver, to: start + whole, beyond: 0)) != nil
        else { return }
        try? journal.remove(.resize, volume.id.guid)
    }

    /// What runs when the partition has grown: the tools that grow the filesystem, where the kernel does not.
    func growthRuns() throws(StorageError) -> [ToolRun] {
        isByTool ? try filesystem.driver.growthRuns(on: volume) : []
    }

    /// Verifies that the growth has ended.
    func finish() throws(StorageError) {
        let directory: OpenDirectory? = if case .kernel(let directory) = way { directory } else { nil }
        guard try !filesystem.isBehind(by: 16 << 20, through: directory) else {
            throw StorageError(
                .internalError, "the filesystem has not grown with its partition", subject: volume.path)
        }
        try journal.remove(.resize, volume.id.guid)
    }
}
