// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import HostStorageTestKit
import Testing

extension Scenario {
    static let formatting = [
        Scenario(21, "a volume that is not there is not found") { host, rig in
            let volume = try unknownVolume()
            let stage = try await host.directory("stage", rig)
            await expectError(.notFound) { try await host.isVolumeFormatted(volume) }
            await expectError(.notFound) { try await host.formatVolume(volume) }
            await expectError(.notFound) { try await host.resizeVolume(volume, to: .bytes(2 * mebibyte)) }
            await expectError(.notFound) { try await host.mountVolume(volume, at: stage) }
            await expectError(.notFound) { try await host.unmountVolume(volume, from: stage) }
            await expectError(.notFound) { try await host.volumeStats(volume) }
            await expectError(.notFound) { try await host.disk(of: volume) }
            await expectError(.notFound) { try await host.flushVolume(volume) }
            await expectError(.invalidArgument) { try await host.mountVolume(volume, at: "") }
            await expectError(.invalidArgument) { try await host.unmountVolume(volume, from: "") }
        },
        Scenario(22, "a blank volume is formatted, once") { host, rig in
            let volume = try await host.onlyVolume(of: try await rig.attachDisk())
            #expect(try await !host.isVolumeFormatted(volume))
            await expectError(.failedPrecondition) { try await host.volumeStats(volume) }
            try await host.formatVolume(volume)
            #expect(try await host.isVolumeFormatted(volume))
            let stats = try await host.volumeStats(volume)
            #expect(stats.totalBytes > gibibyte - 20 * mebibyte && stats.totalBytes <= gibibyte)
            #expect(stats.usedBytes > 0 && stats.usedBytes < stats.totalBytes)
        },
        Scenario(22, "a repeated format finds its work done until the volume is mounted") { host, rig in
            let disk = try await rig.attachDisk()
            let volume = try await host.onlyVolume(of: disk)
            try await host.formatVolume(volume)
            let before = try await rig.fingerprint(of: disk)
            try await host.formatVolume(volume)
            #expect(try await rig.fingerprint(of: disk) == before)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            try await host.unmountVolume(volume, from: stage)
            let after = try await rig.fingerprint(of: disk)
            await expectError(.failedPrecondition) { try await host.formatVolume(volume) }
            #expect(try await rig.fingerprint(of: disk) == after)
        },
        Scenario(22, "nothing that is not blank is formatted") { host, rig in
            let size = 300 * mebibyte
            for (content, isFormatted) in [
                (DiskContent.gpt([PartitionContent(.filesystem(.ext4), size: size)]), true),
                (.gpt([PartitionContent(.filesystem(.xfs), size: 2 * size)]), true),
                (.gpt([PartitionContent(.random, size: size)]), false),
                (.mbr([PartitionContent(.filesystem(.ext4), size: size)]), true),
                (.mbr([PartitionContent(.random, size: size)]), false),
                (.filesystem(.ext4), true),
            ] {
                let disk = try await rig.attachDisk(content)
                let volumes = try await host.volumes(on: disk, partition: nil)
                try #require(volumes.count == 1, "\(content)")
                let before = try await rig.fingerprint(of: disk)
                #expect(try await host.isVolumeFormatted(volumes[0]) == isFormatted, "\(content)")
                await expectError(.failedPrecondition) { try await host.formatVolume(volumes[0]) }
                #expect(try await rig.fingerprint(of: disk) == before, "\(content)")
            }
        },
        Scenario(22, "a volume that cannot be read is not formatted") { host, rig in
            let disk = try await rig.attachDisk(.gpt([PartitionContent(.unreadable, size: 500 * mebibyte)]))
            let volume = try #require(try await host.volumes(on: disk, partition: nil).first)
            await expectError(.failedPrecondition) { try await host.formatVolume(volume) }
        },
        Scenario(22, "twenty disks are made ready at once") { host, rig in
            var disks: [DiskNumber] = []
            for _ in 0..<20 { disks.append(try await rig.attachDisk()) }
            let volumes = try await withThrowingTaskGroup { group in
                for disk in disks {
                    group.addTask {
                        let volume = try await host.onlyVolume(of: disk)
                        try await host.formatVolume(volume)
                        let stage = try await host.directory("stages/\(disk)", rig)
                        try await host.mountVolume(volume, at: stage)
                        #expect(try await host.volume(mountedAt: stage) == volume)
                        #expect(try await host.disk(of: volume) == disk)
                        return volume
                    }
                }
                return try await group.reduce(into: Set<VolumeID>()) { $0.insert($1) }
            }
            #expect(volumes.count == 20)
            #expect(try await Set(host.diskIdentifiers().keys).isSuperset(of: disks))
        },
    ]

    static let mounting = [
        Scenario(24, "a volume is mounted on an empty directory and taken away again") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            #expect(try await host.isSymlink(stage), "a mount point counts as a link")
            try await rig.write("text", to: "\(stage)/file")
            try await host.mountVolume(volume, at: stage)
            try await host.flushVolume(volume)
            try await host.unmountVolume(volume, from: stage)
            #expect(try await host.pathExists(stage))
            #expect(try await !host.pathExists("\(stage)/file"))
            #expect(try await !host.isSymlink(stage))
            await expectError(.failedPrecondition) { try await host.unmountVolume(volume, from: stage) }
            try await host.remove(stage, force: false)
            await expectError(.notFound) { try await host.unmountVolume(volume, from: stage) }
        },
        Scenario(24, "a volume goes nowhere but on an empty directory") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let other = try await host.formattedVolume(rig)
            let taken = try await host.directory("taken", rig)
            try await host.mountVolume(other, at: taken)
            await expectError(.failedPrecondition) { try await host.mountVolume(volume, at: taken) }
            await expectError(.failedPrecondition) { try await host.unmountVolume(volume, from: taken) }
            #expect(try await host.volume(mountedAt: taken) == other)

            let full = try await host.directory("full/of/things", rig)
            await expectError(.failedPrecondition) { try await host.mountVolume(volume, at: rig.path("full")) }
            #expect(try await host.pathExists(full))
            await expectError(.notFound) { try await host.mountVolume(volume, at: rig.path("missing")) }
            try await rig.write("text", to: rig.path("file"))
            await expectError(.failedPrecondition) { try await host.mountVolume(volume, at: rig.path("file")) }
            try await host.createSymlink(at: rig.path("link"), to: full)
            await expectError(.failedPrecondition) { try await host.mountVolume(volume, at: rig.path("link")) }
        },
        Scenario(24, "a volume without a filesystem is not mounted") { host, rig in
            let stage = try await host.directory("stage", rig)
            for content in [DiskContent.blank, .gpt([PartitionContent(.random, size: 500 * mebibyte)])] {
                let volume = try await host.onlyVolume(of: try await rig.attachDisk(content))
                await expectError(.failedPrecondition) { try await host.mountVolume(volume, at: stage) }
            }
            await expectError(.failedPrecondition) { try await host.volume(mountedAt: stage) }
        },
        Scenario(24, "one volume is mounted at several places") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let first = try await host.directory("first", rig)
            let second = try await host.directory("second", rig)
            try await host.mountVolume(volume, at: first)
            try await host.mountVolume(volume, at: second)
            try await rig.write("text", to: "\(first)/file")
            #expect(try await rig.read("\(second)/file") == "text")
            try await host.unmountVolume(volume, from: first)
            #expect(try await rig.read("\(second)/file") == "text")
            #expect(try await host.volume(mountedAt: second) == volume)
        },
        Scenario(13, "forced removal of a stage takes its mount away and keeps the data") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            try await rig.write("precious", to: "\(stage)/file")
            await expectError(.busy) { try await host.remove(stage, force: false) }
            try await host.remove(stage, force: true)
            #expect(try await !host.pathExists(stage))
            try await host.makeDirectory(stage)
            try await host.mountVolume(volume, at: stage)
            #expect(try await rig.read("\(stage)/file") == "precious")
        },
        Scenario(13, "a mount within a tree ends its removal") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let inner = try await host.directory("tree/pod/mount", rig)
            try await host.mountVolume(volume, at: inner)
            try await rig.write("precious", to: "\(inner)/file")
            await expectError(.busy) { try await host.remove(rig.path("tree"), force: true) }
            await expectError(.busy) { try await host.removeContents(of: rig.path("tree")) }
            await expectError(.busy) { try await host.removeContents(of: rig.path("tree/pod")) }
            #expect(try await rig.read("\(inner)/file") == "precious")
            #expect(try await host.volume(mountedAt: inner) == volume)
            try await host.removeContents(of: inner)
            #expect(try await !host.pathExists("\(inner)/file"), "within the mount there is nothing in the way")
        },
    ]

    static let lookup = [
        Scenario(25, "the volume that holds a path is that of the nearest mount") { host, rig in
            let outer = try await host.formattedVolume(rig)
            let inner = try await host.formattedVolume(rig)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(outer, at: stage)
            try await host.makeDirectory("\(stage)/foo/bar")
            try await host.makeDirectory("\(stage)/inner")
            try await host.mountVolume(inner, at: "\(stage)/inner")
            try await host.makeDirectory("\(stage)/inner/deep")
            try await rig.write("text", to: "\(stage)/foo/file")
            try await host.createSymlink(at: rig.path("link"), to: stage)
            for name in ["stage", "stage/foo", "stage/foo/bar", "stage/foo/file", "link"] {
                #expect(try await host.volume(closestTo: rig.path(name)) == outer, "\(name)")
            }
            for name in ["stage/inner", "stage/inner/deep"] {
                #expect(try await host.volume(closestTo: rig.path(name)) == inner, "\(name)")
            }
            await expectError(.notFound) { try await host.volume(closestTo: "\(stage)/missing") }
            await expectError(.busy) { try await host.unmountVolume(outer, from: stage) }
            #expect(try await host.volume(mountedAt: stage) == outer)
        },
        Scenario(26, "a mounted volume has the ID that it was listed with") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let disk = try await host.disk(of: volume)
            let stage = try await host.directory("stage", rig)
            await expectError(.failedPrecondition, "not a mounted folder") {
                try await host.volume(mountedAt: stage)
            }
            await expectError(.notFound) { try await host.volume(mountedAt: rig.path("missing")) }
            try await host.mountVolume(volume, at: stage)
            try await host.createSymlink(at: rig.path("link"), to: stage)
            let driveless = stage.replacing("/", with: #"\"#)
            for path in [stage, "\(stage)/", rig.path("link"), "C:\(driveless)"] {
                #expect(try await host.volume(mountedAt: path).description == volume.description, "\(path)")
            }
            try await host.makeDirectory("\(stage)/plain")
            await expectError(.failedPrecondition, "not a mounted folder") {
                try await host.volume(mountedAt: "\(stage)/plain")
            }
            try await host.unmountVolume(volume, from: stage)
            #expect(try await host.volumes(on: disk, partition: nil) == [volume])
            #expect(try await host.disk(of: volume) == disk)
            #expect(try await host.isVolumeFormatted(volume))
        },
    ]

    static let resizing = [
        Scenario(23, "a volume grows with its disk") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let disk = try await host.disk(of: volume)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            try await rig.write("precious", to: "\(stage)/file")
            try await host.unmountVolume(volume, from: stage)
            let old = try await host.volumeStats(volume).totalBytes
            try await rig.growDisk(disk, to: 2 * gibibyte)
            try await host.rescanDisks()
            let wanted = old / 2 * 3
            try await host.resizeVolume(volume, to: .bytes(wanted))
            let new = try await host.volumeStats(volume).totalBytes
            #expect(abs(new - wanted) < 20 * mebibyte)
            try await host.resizeVolume(volume, to: .maximum)
            let largest = try await host.volumeStats(volume).totalBytes
            #expect(largest > 2 * gibibyte - 20 * mebibyte && largest <= 2 * gibibyte)
            #expect(try await host.disk(of: volume) == disk)
            #expect(try await host.volumes(on: disk, partition: nil) == [volume])
            try await host.mountVolume(volume, at: stage)
            #expect(try await rig.read("\(stage)/file") == "precious")
        },
        Scenario(27, "sizes at which nothing is to be done change nothing") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let disk = try await host.disk(of: volume)
            let old = try await host.volumeStats(volume)
            try await host.resizeVolume(volume, to: .maximum)
            #expect(try await host.volumeStats(volume) == old)
            try await rig.growDisk(disk, to: 2 * gibibyte)
            try await host.rescanDisks()
            for bytes in [old.totalBytes, old.totalBytes / 2, 1] {
                try await host.resizeVolume(volume, to: .bytes(bytes))
                #expect(try await host.volumeStats(volume) == old, "\(bytes)")
            }
        },
        Scenario(27, "growth by little is growth, and the size of the disk is the most that it can give") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let disk = try await host.disk(of: volume)
            let old = try await host.volumeStats(volume).totalBytes
            try await rig.growDisk(disk, to: 2 * gibibyte)
            try await host.rescanDisks()
            try await host.resizeVolume(volume, to: .bytes(gibibyte + 50 * mebibyte))
            let little = try await host.volumeStats(volume).totalBytes
            #expect(little > old + 30 * mebibyte && little <= gibibyte + 50 * mebibyte)
            for _ in 0..<2 { try await host.resizeVolume(volume, to: .bytes(2 * gibibyte)) }
            let most = try await host.volumeStats(volume).totalBytes
            #expect(most > 2 * gibibyte - 20 * mebibyte && most <= 2 * gibibyte)
            await expectError(.outOfRange) { try await host.resizeVolume(volume, to: .bytes(2 * gibibyte + 1)) }
        },
        Scenario(27, "a size that is none is refused") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let old = try await host.volumeStats(volume)
            for bytes in [0, -1, Int64.min] {
                await expectError(.invalidArgument) { try await host.resizeVolume(volume, to: .bytes(bytes)) }
            }
            #expect(try await host.volumeStats(volume) == old)
        },
        Scenario(27, "beyond its disk a volume does not grow") { host, rig in
            let volume = try await host.formattedVolume(rig)
            let old = try await host.volumeStats(volume)
            for bytes in [2 * gibibyte, .max] {
                await expectError(.outOfRange) { try await host.resizeVolume(volume, to: .bytes(bytes)) }
                #expect(try await host.volumeStats(volume) == old)
            }
            // Another partition is as much of an end.
            let disk = try await rig.attachDisk(
                .gpt([PartitionContent(size: 300 * mebibyte), PartitionContent(size: 300 * mebibyte)]))
            let first = try #require(try await host.volumes(on: disk, partition: PartitionNumber(1)).first)
            try await host.formatVolume(first)
            let before = try await host.volumeStats(first)
            await expectError(.outOfRange) { try await host.resizeVolume(first, to: .bytes(500 * mebibyte)) }
            try await host.resizeVolume(first, to: .maximum)
            #expect(try await host.volumeStats(first) == before)
        },
        Scenario(27, "what has no filesystem does not grow") { host, rig in
            let disk = try await rig.attachDisk(.gpt([PartitionContent(size: 300 * mebibyte)]))
            let volume = try await host.onlyVolume(of: disk)
            let before = try await rig.fingerprint(of: disk)
            await expectError(.failedPrecondition) { try await host.resizeVolume(volume, to: .maximum) }
            #expect(try await rig.fingerprint(of: disk) == before)
        },
    ]
}
