// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

extension Scenario {
    /// Mounts at any path, and what is there: from v2 on.
    static let mounts = [
        Scenario(42, "a target tells what is at it") { host, rig in
            let stage = try await host.directory("stage", rig)
            try await rig.write("text", to: rig.path("file"))
            try await host.createSymlink(at: rig.path("link"), to: stage)
            #expect(try await host.targetState(of: rig.path("missing")) == .absent)
            #expect(try await host.targetState(of: rig.path("missing/below")) == .absent)
            #expect(try await host.targetState(of: rig.path("file/below")) == .absent)
            #expect(try await host.targetState(of: rig.path("file")) == .file)
            #expect(try await host.targetState(of: rig.path("link")) == .link(to: stage))
            #expect(try await host.targetState(of: stage) == .directory)
            let volume = try await host.formattedVolume(rig)
            try await host.mountVolume(volume, at: stage)
            let state = try await host.targetState(of: stage)
            guard case .mounted(let mount) = state else {
                Issue.record("it is \(state)")
                return
            }
            #expect(mount.volume == volume)
            #expect(try await mount.disk == host.disk(of: volume))
            #expect(mount.type == "ext4")
            #expect(mount.root == "/")
            #expect(!mount.isReadOnly)
            try await host.unmountVolume(volume, from: stage)
            #expect(try await host.targetState(of: stage) == .directory)
        },
        Scenario(43, "a directory is mounted at a second place") { host, rig in
            let (source, target) = (try await host.directory("source", rig), try await host.directory("target", rig))
            try await rig.write("seen twice", to: "\(source)/file")
            let mount = try await host.bindMount(.path(source), at: target)
            #expect(!mount.isReadOnly)
            #expect(try await rig.read("\(target)/file") == "seen twice")
            #expect(try await host.targetState(of: target).mount == mount)
            #expect(try await host.isSymlink(target))
            // Repeated, it finds its work done.
            #expect(try await host.bindMount(.path(source), at: target) == mount)
            try await host.makeDirectory("\(target)/made")
            #expect(try await host.pathExists("\(source)/made"))
            let done = try await host.unmountTarget(target)
            #expect(done.unmounted == 1)
            #expect(try await !host.pathExists("\(target)/file"))
            #expect(try await host.unmountTarget(target).unmounted == 0)
            #expect(try await rig.read("\(source)/file") == "seen twice")
        },
        Scenario(44, "a read-only mount refuses writes, and its source takes them") { host, rig in
            let (source, target) = (try await host.directory("source", rig), try await host.directory("target", rig))
            let options = BindOptions(isReadOnly: true)
            #expect(try await host.bindMount(.path(source), at: target, options: options).isReadOnly)
            await expectError(.failedPrecondition) { try await host.makeDirectory("\(target)/made") }
            try await host.makeDirectory("\(source)/made")
            #expect(try await host.pathExists("\(target)/made"))
            await expectError(.failedPrecondition) { try await host.remove("\(target)/made", force: true) }
            #expect(try await host.bindMount(.path(source), at: target, options: options).isReadOnly)
            await expectError(.alreadyExists) { try await host.bindMount(.path(source), at: target) }
            // What is seen through a read-only mount stays read-only.
            let again = try await host.directory("again", rig)
            #expect(try await host.bindMount(.path(target), at: again).isReadOnly)
            try await host.unmountTarget(again)
            try await host.unmountTarget(target)
            #expect(!(try await host.bindMount(.path(source), at: target).isReadOnly))
            await expectError(.alreadyExists) { try await host.bindMount(.path(source), at: target, options: options) }
            try await host.unmountTarget(target)
        },
        Scenario(45, "a staged volume is published to pods") { host, rig in
            let stage = try await host.directory("stage", rig)
            let pods = [try await host.directory("pod1", rig), try await host.directory("pod2", rig)]
            let volume = try await host.formattedVolume(rig)
            try await host.mountVolume(volume, at: stage)
            for pod in pods {
                let mount = try await host.bindMount(.path(stage), at: pod)
                #expect(try await mount.disk == host.disk(of: volume))
            }
            #expect(try await host.volume(mountedAt: pods[0]) == volume)
            try await rig.write("data", to: "\(pods[0])/file")
            #expect(try await rig.read("\(pods[1])/file") == "data")
            let outcome = try await host.unmountVolume(volume, from: stage)
            guard case .stillHeld(let holders) = outcome else {
                if outcome != .unknown { Issue.record("it is \(outcome)") }
                return
            }
            #expect(holders.contains(.mount(target: pods[0], seenByProcess: nil)))
            #expect(try await rig.read("\(pods[1])/file") == "data")
            for pod in pods { try await host.cleanUpTarget(pod) }
        },
        Scenario(46, "only what fits is mounted at a place that is free") { host, rig in
            let (source, target) = (try await host.directory("source", rig), try await host.directory("target", rig))
            let (file, empty) = (rig.path("file"), rig.path("empty"))
            try await rig.write("text", to: file)
            try await rig.write("", to: empty)
            await expectError(.notFound) { try await host.bindMount(.path(rig.path("missing")), at: target) }
            await expectError(.notFound) { try await host.bindMount(.path(source), at: rig.path("missing")) }
            await expectError(.failedPrecondition) { try await host.bindMount(.path(source), at: empty) }
            await expectError(.failedPrecondition) { try await host.bindMount(.path(file), at: target) }
            await expectError(.denied) { try await host.bindMount(.path(source), at: rig.root) }
            await expectError(.denied) { try await host.bindMount(.path("/etc"), at: target) }
            await expectError(.denied) { try await host.bindMount(.path(source), at: "/etc") }
            try await host.bindMount(.path(file), at: empty)
            #expect(try await rig.read(empty) == "text")
            await expectError(.failedPrecondition) { try await host.bindMount(.path(source), at: empty) }
            try await host.unmountTarget(empty)
            try await host.makeDirectory("\(target)/kept")
            await expectError(.failedPrecondition) { try await host.bindMount(.path(source), at: target) }
            #expect(try await host.pathExists("\(target)/kept"))
            await expectError(.failedPrecondition) { try await host.bindMount(.path(source), at: file) }
            #expect(try await rig.read(file) == "text")
        },
        Scenario(47, "the device of a volume is mounted on a file") { host, rig in
            let volume = try await host.onlyVolume(of: try await rig.attachDisk())
            let target = rig.path("block")
            try await rig.write("", to: target)
            try await host.bindMount(.volume(volume), at: target)
            guard case .mounted = try await host.targetState(of: target) else {
                Issue.record("nothing is mounted")
                return
            }
            try await host.bindMount(.volume(volume), at: target)
            let other = try await rig.attachDisk()
            await expectError(.failedPrecondition) { try await host.bindMount(.disk(other), at: target) }
            await expectError(.notFound) { try await host.bindMount(.volume(unknownVolume()), at: target) }
            #expect(try await host.cleanUpTarget(target).unmounted == 1)
            #expect(try await host.targetState(of: target) == .absent)
        },
        Scenario(48, "a target is cleaned up once, whatever is at it") { host, rig in
            let (source, target) = (try await host.directory("source", rig), try await host.directory("target", rig))
            let volume = try await host.formattedVolume(rig)
            try await host.mountVolume(volume, at: target)
            #expect(try await host.cleanUpTarget(target).unmounted == 1)
            #expect(try await !host.pathExists(target))
            #expect(try await host.cleanUpTarget(target).unmounted == 0)
            #expect(try await host.cleanUpTarget("\(target)/below/nothing").unmounted == 0)
            try await host.createSymlink(at: target, to: source)
            try await rig.write("kept", to: "\(source)/file")
            try await host.cleanUpTarget(target)
            #expect(try await !host.pathExists(target))
            #expect(try await rig.read("\(source)/file") == "kept")
            // Data stay.
            await expectError(.failedPrecondition) { try await host.cleanUpTarget(source) }
            await expectError(.failedPrecondition) { try await host.cleanUpTarget("\(source)/file") }
            await expectError(.failedPrecondition) { try await host.cleanUpTarget(source, escalation: .force) }
            #expect(try await rig.read("\(source)/file") == "kept")
            await expectError(.denied) { try await host.cleanUpTarget(rig.root) }
            await expectError(.denied) { try await host.cleanUpTarget("/etc") }
        },
        Scenario(49, "a filesystem on a disk is never detached") { host, rig in
            let stage = try await host.directory("stage", rig)
            let volume = try await host.formattedVolume(rig)
            try await host.mountVolume(volume, at: stage)
            await expectError(.failedPrecondition) { try await host.unmountTarget(stage, escalation: .detach) }
            await expectError(.failedPrecondition) { try await host.cleanUpTarget(stage, escalation: .detach) }
            #expect(try await host.volume(mountedAt: stage) == volume)
            await expectError(.invalidArgument) { try await host.unmountTarget(stage, patience: .seconds(-1)) }
            await expectError(.invalidArgument) { try await host.unmountTarget(stage, patience: .seconds(601)) }
            try await host.unmountTarget(stage)
        },
        Scenario(50, "a disk is write-protected and released") { host, rig in
            let disk = try await rig.attachDisk()
            #expect(try await !host.isDiskReadOnly(disk))
            try await host.setDiskReadOnly(disk, false)
            try await host.setDiskReadOnly(disk, true)
            try await host.setDiskReadOnly(disk, true)
            #expect(try await host.isDiskReadOnly(disk))
            await expectError(.failedPrecondition) { try await host.partitionDisk(disk) }
            try await host.setDiskReadOnly(disk, false)
            #expect(try await !host.isDiskReadOnly(disk))
            let volume = try await host.onlyVolume(of: disk)
            try await host.formatVolume(volume)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            await expectError(.busy) { try await host.setDiskReadOnly(disk, true) }
            try await host.unmountVolume(volume, from: stage)
            await expectError(.notFound) { try await host.setDiskReadOnly(unknownDisk, true) }
        },
    ]
}
