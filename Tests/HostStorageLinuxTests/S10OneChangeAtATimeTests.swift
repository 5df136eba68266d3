// SPDX-License-Identifier: Apache-2.0

import Expectations
import FaultyDisk
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S10: one operation at a time changes a thing, in this process and on this node.
    @Suite(.timeLimit(.minutes(20))) struct S10OneChangeAtATimeTests {
        @Test func sixtyFourFormatsAreOneFormat() async throws {
            let linked = try LinkedHost()
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.volume(on: disk)
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", #"exec "$program" "$@""#)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<64 { group.addTask { try await linked.host.formatVolume(volume) } }
                try await tool.hasBegun()
                try await linked.callers(64)
                tool.goOn()
                try await group.waitForAll()
            }
            #expect(tool.processes.count == 1)
        }

        @Test func sixtyFourMountsAreOneMount() async throws {
            let linked = try LinkedHost()
            let file = try FaultyFile(size: 64 << 20)
            let disk = try file.attach()
            let volume = try await linked.formattedVolumes(on: [disk])[0]
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try file.order(.hang)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<64 { group.addTask { try await linked.host.mountVolume(volume, at: place) } }
                try await linked.callers(64)
                try file.order(.none)
                try await group.waitForAll()
            }
            #expect(try MountTable.read().count { $0.target == place } == 1)
            try await linked.host.unmountVolume(volume, from: place)
        }

        /// Where the one that does the work takes longer than the others would wait.
        @Test func anotherCallIsRefusedWithTheOperationInItsWay() async throws {
            let linked = try LinkedHost(timeout: .milliseconds(50))
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.volume(on: disk)
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", #"exec "$program" "$@""#)
            let format = Task { try await linked.host.formatVolume(volume) }
            try await tool.hasBegun()
            let inTheWay = "format volume \(volume) has been running for"
            await withTaskGroup { group in
                for _ in 0..<63 {
                    group.addTask {
                        await expectError(.aborted, inTheWay) {
                            try await linked.host.resizeVolume(volume, to: .maximum)
                        }
                    }
                }
            }
            tool.goOn()
            try await format.value
            #expect(tool.processes.count == 1)
        }

        /// A linked plugin and the proxy, each with a state directory of its own: they share the disk alone.
        @Test func twoHostsOnOneNodeRespectEachOther() async throws {
            let (linked, other) = (try LinkedHost(), try LinkedHost())
            let disk = try LoopDisk(size: 64 << 20)
            let volume = try await linked.volume(on: disk)
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", #"exec "$program" "$@""#)
            let format = Task { try await linked.host.formatVolume(volume) }
            try await tool.hasBegun()
            await expectError(.aborted, "lock", "held by process \(getpid())") {
                try await other.host.formatVolume(volume)
            }
            tool.goOn()
            try await format.value
            await expectError(.failedPrecondition, "ext4") { try await other.host.formatVolume(volume) }
            #expect(tool.processes.count == 1)
        }

        /// Two hosts that partition, format and mount one disk at the same moment get one result.
        @Test func twoHostsThatStageOneDiskMakeOneVolumeOfIt() async throws {
            let (linked, other) = (try LinkedHost(), try LinkedHost())
            let disk = try LoopDisk(size: 64 << 20)
            let number = try disk.number
            try await withThrowingTaskGroup(of: Void.self) { group in
                for host in [linked.host, other.host] {
                    for _ in 0..<8 { group.addTask { try await host.partitionDisk(number) } }
                }
                try await group.waitForAll()
            }
            let volumes = try await linked.host.volumes(on: number, partition: nil)
            #expect(volumes.count == 1)
            let tool = try StandInProgram("/usr/sbin/mkfs.ext4", #"exec "$program" "$@""#)
            tool.goOn()
            let volume = try #require(volumes.first)
            let refusals = await withTaskGroup(of: StorageError.Code?.self) { group in
                for host in [linked.host, other.host] {
                    for _ in 0..<8 {
                        group.addTask { () async -> StorageError.Code? in
                            do throws(StorageError) {
                                try await host.formatVolume(volume)
                                return nil
                            } catch { return error.code }
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(tool.processes.count == 1)
            #expect(refusals.contains(nil))
            #expect(Set(refusals.compactMap { $0 }).isSubset(of: [.failedPrecondition, .aborted]))
        }
    }
}

extension LinkedHost {
    /// Waits until the one operation under way has so many callers.
    fileprivate func callers(_ count: Int) async throws {
        try await eventually("one operation has \(count) callers") { host.operations.running.first?.callers == count }
    }
}
