// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

extension Scenario {
    static let disks = [
        Scenario(15, "a disk is listed under its number and its name") { host, rig in
            let disk = try await rig.attachDisk()
            let identifiers = try #require(try await host.diskIdentifiers()[disk])
            #expect(try await host.diskIdentifiers()[disk] == identifiers)
            #expect(try await host.diskLocations()[disk] == nil, "it has no SCSI address")
            if !identifiers.page83.isEmpty {
                #expect(try await host.disk(page83: identifiers.page83) == disk)
            }
            await expectError(.notFound) { try await host.disk(page83: "no disk names itself so") }
            await expectError(.invalidArgument) { try await host.disk(page83: "") }
        },
        Scenario(15, "a disk that does not answer is left out of lists, which stay complete otherwise") { host, rig in
            let silent = try await rig.attachDisk()
            let other = try await rig.attachDisk()
            #expect(try await host.diskIdentifiers()[silent] != nil)
            try await rig.silenceDisk(silent)
            let identifiers = try await host.diskIdentifiers()
            #expect(identifiers[silent] == nil && identifiers[other] != nil)
            await #expect(throws: StorageError.self) { try await host.diskSize(silent) }
            await #expect(throws: StorageError.self) { try await host.partitionDisk(silent) }
            let volume = try await host.onlyVolume(of: other)
            try await host.formatVolume(volume)
        },
        Scenario(16, "a disk has a size, seen to grow at a rescan") { host, rig in
            let disk = try await rig.attachDisk()
            #expect(try await host.diskSize(disk) == gibibyte)
            try await rig.growDisk(disk, to: 2 * gibibyte)
            #expect(try await host.diskSize(disk) == gibibyte)
            try await host.rescanDisks()
            #expect(try await host.diskSize(disk) == 2 * gibibyte)
        },
        Scenario(16, "a disk goes offline and online, also where it is already") { host, rig in
            let disk = try await rig.attachDisk()
            #expect(try await host.diskState(disk) == .online)
            for state in [DiskState.online, .offline, .offline, .online, .online] {
                try await host.setDiskState(disk, to: state)
                #expect(try await host.diskState(disk) == state)
            }
            #expect(try await host.diskIdentifiers()[disk] != nil)
        },
        Scenario(16, "a disk that nothing protects is writable") { host, rig in
            let disk = try await rig.attachDisk()
            #expect(try await !host.isDiskReadOnly(disk))
        },
        Scenario(20, "a disk that is not there is not found") { host, _ in
            await expectError(.notFound) { try await host.isDiskReadOnly(unknownDisk) }
            await expectError(.notFound) { try await host.diskSize(unknownDisk) }
            await expectError(.notFound) { try await host.diskState(unknownDisk) }
            await expectError(.notFound) { try await host.setDiskState(unknownDisk, to: .online) }
            await expectError(.notFound) { try await host.setDiskState(unknownDisk, to: .offline) }
            await expectError(.notFound) { try await host.partitionDisk(unknownDisk) }
            await expectError(.notFound) { try await host.volumes(on: unknownDisk, partition: nil) }
        },
    ]

    static let partitioning = [
        Scenario(17, "a blank disk gets a GPT with one partition, once") { host, rig in
            let disk = try await rig.attachDisk()
            #expect(try await host.volumes(on: disk, partition: nil).isEmpty)
            try await host.partitionDisk(disk)
            #expect(try await rig.table(of: disk) == TableSummary(kind: "gpt", partitions: 1))
            let volumes = try await host.volumes(on: disk, partition: nil)
            #expect(volumes.count == 1)
            let before = try await rig.fingerprint(of: disk)
            try await host.partitionDisk(disk)
            #expect(try await rig.fingerprint(of: disk) == before)
            #expect(try await host.volumes(on: disk, partition: nil) == volumes)
        },
        Scenario(19, "a table with a partition is left alone") { host, rig in
            for content in [
                DiskContent.mbr([PartitionContent(size: 500 * mebibyte)]),
                .gpt([PartitionContent(size: 500 * mebibyte)]),
                .gpt([.reserved(), PartitionContent(.filesystem(.ext4), size: 500 * mebibyte)]),
            ] {
                let disk = try await rig.attachDisk(content)
                let before = try await rig.fingerprint(of: disk)
                try await host.partitionDisk(disk)
                #expect(try await rig.fingerprint(of: disk) == before, "\(content)")
                #expect(try await host.volumes(on: disk, partition: nil).count == 1, "\(content)")
            }
        },
        Scenario(19, "a table with reserved partitions alone gets another") { host, rig in
            for content in [DiskContent.gpt([.reserved()]), .gpt([])] {
                let disk = try await rig.attachDisk(content)
                let count = try #require(try await rig.table(of: disk)).partitions
                #expect(try await host.volumes(on: disk, partition: nil).isEmpty)
                let volume = try await host.onlyVolume(of: disk)
                #expect(try await rig.table(of: disk) == TableSummary(kind: "gpt", partitions: count + 1))
                try await host.formatVolume(volume)
                let stats = try await host.volumeStats(volume)
                #expect(stats.totalBytes > 950 * mebibyte)
            }
        },
        Scenario(19, "a disk with anything else on it is not partitioned") { host, rig in
            for content in [DiskContent.mbr([]), .filesystem(.ext4), .filesystem(.xfs), .random] {
                let disk = try await rig.attachDisk(content)
                let before = try await rig.fingerprint(of: disk)
                await expectError(.failedPrecondition) { try await host.partitionDisk(disk) }
                #expect(try await rig.fingerprint(of: disk) == before, "\(content)")
            }
        },
        Scenario(19, "a disk that cannot be read is not partitioned") { host, rig in
            let disk = try await rig.attachDisk(.unreadable)
            await expectError(.failedPrecondition) { try await host.partitionDisk(disk) }
        },
        Scenario(28, "a partition's number selects it, none selects all") { host, rig in
            let disk = try await rig.attachDisk(
                .gpt([.reserved(), PartitionContent(size: 200 * mebibyte), PartitionContent(size: 300 * mebibyte)]))
            let all = try await host.volumes(on: disk, partition: nil)
            #expect(all.count == 2 && Set(all).count == 2)
            #expect(try await host.volumes(on: disk, partition: PartitionNumber(1)).isEmpty, "it is reserved")
            #expect(try await host.volumes(on: disk, partition: PartitionNumber(2)) == [all[0]])
            #expect(try await host.volumes(on: disk, partition: PartitionNumber(3)) == [all[1]])
            #expect(try await host.volumes(on: disk, partition: PartitionNumber(4)).isEmpty)
            await expectError(.invalidArgument) { try await host.volumes(on: disk, partition: PartitionNumber(0)) }
            for volume in all { try await host.formatVolume(volume) }
            #expect(try await host.volumeStats(all[0]).totalBytes <= 200 * mebibyte)
            #expect(try await host.volumeStats(all[1]).totalBytes > 200 * mebibyte)
        },
    ]

    static let offline = [
        Scenario(16, "what is offline can be partitioned and nothing else") { host, rig in
            let disk = try await rig.attachDisk()
            try await host.setDiskState(disk, to: .offline)
            let volume = try await host.onlyVolume(of: disk)
            let stage = try await host.directory("stage", rig)
            await expectError(.failedPrecondition, "offline") { try await host.formatVolume(volume) }
            #expect(try await !host.isVolumeFormatted(volume))
            try await host.setDiskState(disk, to: .online)
            try await host.formatVolume(volume)
            try await host.setDiskState(disk, to: .offline)
            await expectError(.failedPrecondition, "offline") { try await host.mountVolume(volume, at: stage) }
            await expectError(.failedPrecondition, "offline") { try await host.resizeVolume(volume, to: .maximum) }
            #expect(try await host.isVolumeFormatted(volume))
            #expect(try await host.disk(of: volume) == disk)
            try await host.setDiskState(disk, to: .online)
            try await host.mountVolume(volume, at: stage)
        },
        Scenario(16, "a disk with a mounted volume stays online") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let disk = try await host.disk(of: volume)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            await expectError(.busy) { try await host.setDiskState(disk, to: .offline) }
            #expect(try await host.diskState(disk) == .online)
            try await rig.write("still here", to: "\(stage)/file")
            try await host.unmountVolume(volume, from: stage)
            try await host.setDiskState(disk, to: .offline)
            #expect(try await host.diskState(disk) == .offline)
        },
    ]
}
