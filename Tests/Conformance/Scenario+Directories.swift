// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

extension Scenario {
    static let directories = [
        Scenario(6, "directories of a stage and a pod come and go") { host, rig in
            let stage = try await host.directory("plugins/testplugin/volume1", rig)
            let pod = try await host.directory("pods/test-pod-id/volumes/kubernetes.io~csi/pvc", rig)
            #expect(try await host.pathExists(stage))
            #expect(try await host.pathExists(pod))
            try await host.createSymlink(at: "\(pod)/rootvol", to: stage)
            #expect(try await host.pathExists("\(pod)/rootvol"))
            try await host.remove(pod, force: true)
            #expect(try await !host.pathExists(pod))
            #expect(try await host.pathExists(stage))
            try await host.remove(stage, force: true)
            #expect(try await !host.pathExists(stage))
        },
        Scenario(8, "the contents of a tree go, the directory stays") { host, rig in
            let tree = try await host.directory("tree", rig)
            for name in ["foo/goo", "foo/bar/baz", "alpha/beta/gamma"] {
                try await host.makeDirectory("\(tree)/\(name)")
            }
            try await rig.write("text", to: "\(tree)/foo/bar/file")
            try await host.removeContents(of: tree)
            #expect(try await host.pathExists(tree))
            #expect(try await !host.pathExists("\(tree)/foo"))
            #expect(try await !host.pathExists("\(tree)/alpha"))
            try await host.remove(tree, force: false)
            await expectError(.notFound) { try await host.removeContents(of: tree) }
        },
        Scenario(9, "removal does not follow links") { host, rig in
            let inside = try await host.directory("inside", rig)
            let outside = try await host.directory("outside", rig)
            try await rig.write("kept", to: "\(outside)/target")
            try await host.createSymlink(at: "\(inside)/file", to: "\(outside)/target")
            try await host.createSymlink(at: "\(inside)/directory", to: outside)
            try await host.removeContents(of: inside)
            try await host.remove(inside, force: false)
            #expect(try await rig.read("\(outside)/target") == "kept")
        },
        Scenario(10, "no call reaches outside of the root") { host, rig in
            let stage = try await host.directory("stage", rig)
            let volume = try await host.formattedVolume(rig)
            for path in ["/etc/hostname", "\(rig.root)-evil/x", "\(rig.root)2", "/"] {
                await expectError(.denied) { try await host.pathExists(path) }
                await expectError(.denied) { try await host.makeDirectory(path) }
                await expectError(.denied) { try await host.remove(path, force: true) }
                await expectError(.denied) { try await host.removeContents(of: path) }
                await expectError(.denied) { try await host.createSymlink(at: path, to: stage) }
                await expectError(.denied) { try await host.createSymlink(at: "\(stage)/link", to: path) }
                await expectError(.denied) { try await host.isSymlink(path) }
                await expectError(.denied) { try await host.mountVolume(volume, at: path) }
                await expectError(.denied) { try await host.unmountVolume(volume, from: path) }
                await expectError(.denied) { try await host.volume(mountedAt: path) }
                await expectError(.denied) { try await host.volume(closestTo: path) }
            }
            await expectError(.invalidArgument) { try await host.makeDirectory("\(rig.root)/../x") }
            await expectError(.invalidArgument) { try await host.makeDirectory("x") }
            await expectError(.invalidArgument) { try await host.makeDirectory("") }
            #expect(try await !host.pathExists("\(stage)/link"))
        },
        Scenario(10, "the root itself stays as it is") { host, rig in
            let stage = try await host.directory("stage", rig)
            let volume = try await host.formattedVolume(rig)
            await expectError(.denied) { try await host.remove(rig.root, force: true) }
            await expectError(.denied) { try await host.remove("\(rig.root)/", force: false) }
            await expectError(.denied) { try await host.removeContents(of: rig.root) }
            await expectError(.denied) { try await host.createSymlink(at: rig.root, to: stage) }
            await expectError(.denied) { try await host.mountVolume(volume, at: rig.root) }
            try await host.makeDirectory(rig.root)
            #expect(try await host.pathExists(rig.root))
            #expect(try await host.pathExists(stage))
        },
        Scenario(10, "a link on the way is refused, wherever it leads") { host, rig in
            let stage = try await host.directory("stage", rig)
            try await rig.putLink(to: "/tmp", at: rig.path("out"))
            try await rig.putLink(to: stage, at: rig.path("in"))
            for link in ["out", "in"].map(rig.path) {
                await expectError(.failedPrecondition) { try await host.makeDirectory("\(link)/x") }
                await expectError(.failedPrecondition) { try await host.remove("\(link)/x", force: true) }
                await expectError(.failedPrecondition) { try await host.removeContents(of: link) }
                await expectError(.failedPrecondition) { try await host.createSymlink(at: "\(link)/x", to: stage) }
            }
            await expectError(.denied) { try await host.volume(mountedAt: rig.path("out")) }
            await expectError(.denied) { try await host.volume(closestTo: rig.path("out")) }
            #expect(try await !host.pathExists("\(stage)/x"))
        },
        Scenario(10, "names are distinguished by their bytes") { host, rig in
            // Equal to Swift: one character, and a letter with a mark.
            let (composed, decomposed) = (rig.path("\u{E9}"), rig.path("e\u{301}"))
            try await host.makeDirectory(composed)
            #expect(try await !host.pathExists(decomposed))
            try await host.makeDirectory(decomposed)
            try await host.remove(composed, force: true)
            #expect(try await host.pathExists(decomposed))
            // A mark behind a separator does not hide the separator.
            try await host.makeDirectory(rig.path("\u{301}x/\u{301}"))
            #expect(try await host.pathExists(rig.path("\u{301}x")))
            await expectError(.invalidArgument) { try await host.makeDirectory(rig.path("\u{301}/../../x")) }
        },
        Scenario(10, "both spellings name the same place") { host, rig in
            let windows = #"C:"# + rig.root.replacing("/", with: #"\"#)
            try await host.makeDirectory(#"\#(windows)\pods\a"#)
            #expect(try await host.pathExists(rig.path("pods/a")))
            try await host.makeDirectory(rig.path("pods/b"))
            #expect(try await host.pathExists(#"\#(windows)\pods\b"#))
            try await host.remove(#"\#(windows)\pods"#, force: true)
            #expect(try await !host.pathExists(rig.path("pods")))
        },
        Scenario(11, "making and removing can be repeated where that is promised") { host, rig in
            let directory = try await host.directory("a/b", rig)
            try await host.makeDirectory(directory)
            await expectError(.failedPrecondition) { try await host.remove(rig.path("a"), force: false) }
            try await host.remove(directory, force: false)
            await expectError(.notFound) { try await host.remove(directory, force: false) }
            try await host.remove(directory, force: true)
            try await host.remove(rig.path("missing/too"), force: true)
            await expectError(.notFound) { try await host.remove(rig.path("missing/too"), force: false) }
        },
        Scenario(11, "a file is removed, and is no directory") { host, rig in
            let file = rig.path("file")
            try await rig.write("text", to: file)
            await expectError(.failedPrecondition) { try await host.makeDirectory(file) }
            await expectError(.failedPrecondition) { try await host.makeDirectory("\(file)/below") }
            await expectError(.failedPrecondition) { try await host.removeContents(of: file) }
            #expect(try await !host.pathExists("\(file)/below"))
            #expect(try await rig.read(file) == "text")
            try await host.remove(file, force: false)
            try await rig.write("text", to: file)
            try await host.remove(file, force: true)
            #expect(try await !host.pathExists(file))
        },
    ]

    static let links = [
        Scenario(7, "a link is one while its target exists") { host, rig in
            let directory = try await host.directory("directory", rig)
            let link = rig.path("link")
            await expectError(.notFound) { try await host.isSymlink(rig.path("missing")) }
            #expect(try await !host.isSymlink(directory))
            try await host.createSymlink(at: link, to: directory)
            #expect(try await host.isSymlink(link))
            try await host.remove(directory, force: false)
            #expect(try await !host.isSymlink(link))
        },
        Scenario(11, "removing a link leaves its target") { host, rig in
            let directory = try await host.directory("directory", rig)
            try await rig.write("kept", to: "\(directory)/file")
            for force in [false, true] {
                try await host.createSymlink(at: rig.path("link"), to: directory)
                try await host.remove(rig.path("link"), force: force)
                #expect(try await !host.pathExists(rig.path("link")))
            }
            #expect(try await rig.read("\(directory)/file") == "kept")
        },
        Scenario(12, "a link replaces nothing") { host, rig in
            let directory = try await host.directory("directory", rig)
            try await rig.write("text", to: rig.path("file"))
            let link = rig.path("link")
            try await host.createSymlink(at: link, to: rig.path("missing"))
            #expect(try await host.pathExists(link), "a link that leads nowhere exists")
            for path in [directory, rig.path("file"), link] {
                await expectError(.alreadyExists) { try await host.createSymlink(at: path, to: directory) }
            }
            await expectError(.notFound) {
                try await host.createSymlink(at: rig.path("no/parent/link"), to: directory)
            }
            #expect(try await rig.read(rig.path("file")) == "text")
        },
    ]
}
