// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

extension Scenario {
    /// Mounts at any path, and what is there: from v2 on.
    static let mounts = [
        Scenario(42, "the state of a target") { host, rig in
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
                #expect(mount.volume == volume)
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
        Scenario(48, "a clean-up removes mounts and the empty place, and can be repeated") { host, rig in
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
            try await host.setDiskReadOnly(disk, to: false)
            try await host.setDiskReadOnly(disk, to: true)
            try await host.setDiskReadOnly(disk, to: true)
            #expect(try await host.isDiskReadOnly(disk))
            await expectError(.failedPrecondition) { try await host.partitionDisk(disk) }
            try await host.setDiskReadOnly(disk, to: false)
            #expect(try await !host.isDiskReadOnly(disk))
            let volume = try await host.onlyVolume(of: disk)
            try await host.formatVolume(volume)
            let stage = try await host.directory("stage", rig)
            try await host.mountVolume(volume, at: stage)
            await expectError(.busy) { try await host.setDiskReadOnly(disk, to: true) }
            try await host.unmountVolume(volume, from: stage)
            await expectError(.notFound) { try await host.setDiskReadOnly(unknownDisk, to: true) }
        },
    ]

    /// Directories, files and links as a driver wants them, also where they are there already: from v2 on.
    static let ensured = [
        Scenario(51, "a directory, a file and a link are made once") { host, rig in
            let top = try await host.directory("a", rig)
            let (directory, file, link) = ("\(top)/b", "\(top)/b/file", "\(top)/link")
            await expectError(.notFound) { try await host.ensureFile(file) }
            #expect(try await host.ensureDirectory(directory, mode: FileMode(0o700)))
            #expect(try await !host.ensureDirectory(directory))
            #expect(try await host.ensureFile(file))
            #expect(try await !host.ensureFile(file))
            #expect(try await host.ensureSymlink(at: link, to: directory))
            #expect(try await !host.ensureSymlink(at: link, to: directory))
            #expect(try await host.targetState(of: link) == .link(to: directory))
            await expectError(.alreadyExists) { try await host.ensureSymlink(at: link, to: file) }
            await expectError(.alreadyExists) { try await host.ensureSymlink(at: file, to: directory) }
            await expectError(.failedPrecondition) { try await host.ensureFile(directory) }
            await expectError(.failedPrecondition) { try await host.ensureFile(link) }
            await expectError(.failedPrecondition) { try await host.ensureDirectory(file) }
            // A link to a directory is one that is there.
            #expect(try await !host.ensureDirectory(link))
            await expectError(.denied) { try await host.ensureDirectory("/etc/x") }
            await expectError(.denied) { try await host.ensureFile("/etc/x") }
            await expectError(.denied) { try await host.ensureSymlink(at: "/etc/x", to: directory) }
            await expectError(.denied) { try await host.ensureSymlink(at: rig.path("out"), to: "/etc") }
        },
        Scenario(52, "a link leads to a mount where that is asked for") { host, rig in
            let (stage, link) = (try await host.directory("stage", rig), rig.path("link"))
            await expectError(.failedPrecondition) {
                try await host.ensureSymlink(at: link, to: stage, requiresMount: true)
            }
            #expect(try await !host.pathExists(link))
            let volume = try await host.formattedVolume(rig)
            try await host.mountVolume(volume, at: stage)
            #expect(try await host.ensureSymlink(at: link, to: stage, requiresMount: true))
            try await host.unmountVolume(volume, from: stage)
            await expectError(.failedPrecondition) {
                try await host.ensureSymlink(at: link, to: stage, requiresMount: true)
            }
        },
        Scenario(53, "a small file is written and read as a whole") { host, rig in
            let directory = try await host.directory("directory", rig)
            let file = "\(directory)/state.json"
            await expectError(.notFound) { try await host.readFile(file) }
            try await host.writeFile(Array("one".utf8), to: file)
            #expect(try await rig.read(file) == "one")
            try await host.writeFile(Array("two, and longer".utf8), to: file, mode: FileMode(0o600))
            #expect(try await host.readFile(file) == Array("two, and longer".utf8))
            try await host.writeFile([], to: file)
            #expect(try await host.readFile(file).isEmpty)
            let all = [UInt8](repeating: 7, count: 1 << 20)
            try await host.writeFile(all, to: file)
            #expect(try await host.readFile(file) == all)
            await expectError(.outOfRange) { try await host.writeFile(all + [7], to: file) }
            try await rig.write(String(repeating: "x", count: 1 << 20 + 1), to: file)
            await expectError(.outOfRange) { try await host.readFile(file) }
            try await rig.putLink(to: "/etc/hostname", at: "\(directory)/link")
            await expectError(.failedPrecondition) { try await host.readFile("\(directory)/link") }
            await expectError(.failedPrecondition) { try await host.writeFile([], to: "\(directory)/link") }
            await expectError(.failedPrecondition) { try await host.readFile(directory) }
            await expectError(.failedPrecondition) { try await host.writeFile([], to: directory) }
            await expectError(.notFound) { try await host.writeFile([], to: rig.path("missing/file")) }
            await expectError(.denied) { try await host.readFile("/etc/hostname") }
            await expectError(.denied) { try await host.writeFile([], to: "/etc/hostname") }
        },
        Scenario(54, "links are resolved beneath the roots alone") { host, rig in
            let directory = try await host.directory("a/b", rig)
            try await host.createSymlink(at: rig.path("one"), to: directory)
            try await rig.putLink(to: "one", at: rig.path("two"))
            #expect(try await host.canonicalPath(of: rig.path("two")) == directory)
            #expect(try await host.canonicalPath(of: directory) == directory)
            #expect(try await host.canonicalPath(of: rig.root) == rig.root)
            try await rig.putLink(to: "/etc", at: rig.path("out"))
            await expectError(.denied) { try await host.canonicalPath(of: rig.path("out")) }
            await expectError(.notFound) { try await host.canonicalPath(of: rig.path("missing")) }
        },
    ]

    /// Volumes in use: from v2 on.
    static let maintenance = [
        Scenario(55, "a target has the statistics of its filesystem") { host, rig in
            let (stage, pod) = (try await host.directory("stage", rig), try await host.directory("pod", rig))
            let volume = try await host.formattedVolume(rig)
            await expectError(.notFound) { try await host.targetStats(of: rig.path("missing")) }
            try await host.mountVolume(volume, at: stage)
            try await host.bindMount(.path(stage), at: pod)
            let stats = try await host.targetStats(of: stage)
            guard case .filesystem(let bytes, let inodes?) = stats else {
                Issue.record("they are \(stats)")
                return
            }
            #expect(bytes.total > 900 * mebibyte && bytes.total <= gibibyte)
            #expect(bytes.used > 0 && bytes.available > 0 && bytes.used + bytes.available <= bytes.total)
            #expect(inodes.total > 1000 && inodes.used > 0 && inodes.available > 0)
            #expect(try await host.targetStats(of: pod) == stats)
            try await host.createSymlink(at: rig.path("link"), to: stage)
            await expectError(.failedPrecondition) { try await host.targetStats(of: rig.path("link")) }
            try await host.cleanUpTarget(pod)
            try await host.unmountVolume(volume, from: stage)
            let block = rig.path("block")
            try await host.ensureFile(block)
            try await host.bindMount(.volume(volume), at: block)
            guard case .device(let size) = try await host.targetStats(of: block) else {
                Issue.record("it is no device")
                return
            }
            #expect(size > 900 * mebibyte && size < gibibyte)
            try await host.cleanUpTarget(block)
        },
        Scenario(56, "a volume in use is frozen and thawed") { host, rig in
            let stage = try await host.directory("stage", rig)
            let volume = try await host.formattedVolume(rig)
            await expectError(.failedPrecondition) { try await host.freezeVolume(volume, for: .seconds(60)) }
            try await host.mountVolume(volume, at: stage)
            await expectError(.invalidArgument) { try await host.freezeVolume(volume, for: .milliseconds(999)) }
            await expectError(.invalidArgument) { try await host.freezeVolume(volume, for: .seconds(601)) }
            #expect(try await !host.thawVolume(volume))
            try await host.freezeVolume(volume, for: .seconds(60))
            try await host.freezeVolume(volume, for: .seconds(60))
            #expect(try await host.thawVolume(volume))
            #expect(try await !host.thawVolume(volume))
            try await rig.write("after", to: "\(stage)/file")
            try await host.unmountVolume(volume, from: stage)
        },
        Scenario(57, "free blocks of a volume in use are reported to its disk") { host, rig in
            let stage = try await host.directory("stage", rig)
            let volume = try await host.formattedVolume(rig)
            await expectError(.failedPrecondition) { try await host.trimVolume(volume) }
            try await host.mountVolume(volume, at: stage)
            #expect(try await host.trimVolume(volume) > 0)
            await expectError(.notFound) { try await host.trimVolume(unknownVolume()) }
            try await host.unmountVolume(volume, from: stage)
        },
    ]
}
