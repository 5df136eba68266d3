// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S6: known faults of other programs with paths. The race of CVE-2021-25741 is in ``S6RaceTests``.
    @Suite struct S6HistoryTests {
        /// CVE-2017-1002101: a pod puts a link into its volume, and the host follows it when it prepares a
        /// directory of that volume.
        @Test(arguments: Resolution.allCases)
        func cve2017_1002101_aLinkInAVolumeLeadsNoCallOut(_ resolution: Resolution) async throws {
            let (disk, other) = (try LoopDisk(), try LoopDisk())
            let linked = try LinkedHost(resolution: resolution)
            let host = linked.host
            let volume = try await linked.volume(on: disk)
            let second = try await linked.volume(on: other)
            for volume in [volume, second] { try await host.formatVolume(volume) }
            let place = linked.path("pods/pod/volumes/data")
            try await host.makeDirectory(place)
            try await host.mountVolume(volume, at: place)
            let canary = try Canary(at: linked.outside, directories: ["dir"], emptyDirectories: ["empty"])
            let magic = try MagicLink(to: canary.path)
            for (name, target) in [("sub", canary.path), ("around", linked.scratch.path), ("magic", magic.path)] {
                try Command.run("ln", "-s", target, "\(place)/\(name)")
            }
            for way in ["sub", "around/outside", "magic"].map({ "\(place)/\($0)" }) {
                await expectError(.failedPrecondition) { try await host.makeDirectory("\(way)/new") }
                await expectError(.failedPrecondition) { try await host.mountVolume(second, at: "\(way)/empty") }
                await expectError(.failedPrecondition) { try await host.remove("\(way)/dir", force: true) }
                await expectError(.failedPrecondition) { try await host.removeContents(of: "\(way)/dir") }
                await expectError(.failedPrecondition) {
                    try await host.createSymlink(at: "\(way)/new", to: linked.path("pods"))
                }
                await expectError(.denied) {
                    try await host.createSymlink(at: linked.path("pods/new"), to: "\(way)/dir")
                }
                await expectError(.denied) { try await host.volume(closestTo: "\(way)/dir") }
            }
            for name in ["sub", "magic"] {
                await expectError(.failedPrecondition) { try await host.mountVolume(second, at: "\(place)/\(name)") }
                await expectError(.failedPrecondition) { try await host.removeContents(of: "\(place)/\(name)") }
            }
            #expect(try canary.isUnchanged())
            try await host.unmountVolume(volume, from: place)
            withExtendedLifetime(magic) {}
        }

        /// CVE-2021-25741, one swap at the worst moment: between the look at a mount's target and the mount.
        @Test func cve2021_25741_aMountGoesToTheDirectoryThatWasLookedAt() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            try await linked.host.makeDirectory(linked.path("target"))
            let canary = try Canary(at: linked.outside, directories: [], emptyDirectories: ["dir"])
            try Command.run("ln", "-s", canary.path, linked.path("link"))

            let backend = linked.host.backend
            let place = try backend.settings.paths.resolve(linked.path("target"))
            let target = try backend.resolver.open(place, O_RDONLY | O_DIRECTORY)
            let open = try OpenVolume.opened(try await backend.index.locate(volume))
            try Swapping.swap(linked.path("target"), linked.path("link"))
            try FilesystemMount.mount(
                open.device, FilesystemKind.ext4.driver, on: target, path: "\(place)", by: backend.helperMounts)
            #expect(
                try await linked.host.volume(mountedAt: linked.path("link")) == volume, "where the directory is now")
            #expect(try canary.isUnchanged())
            try await linked.host.unmountVolume(volume, from: linked.path("link"))
        }

        /// The same where a FUSE driver's helper mounts, which takes its target as text.
        @Test func cve2021_25741_aHelperMountsInAPrivateDirectory() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(.ntfs)
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            try await linked.host.makeDirectory(linked.path("target"))
            let canary = try Canary(at: linked.outside, directories: [], emptyDirectories: ["dir"])
            try Command.run("ln", "-s", canary.path, linked.path("link"))

            let backend = linked.host.backend
            let target = try backend.resolver.open(
                backend.settings.paths.resolve(linked.path("target")), O_RDONLY | O_DIRECTORY)
            let open = try OpenVolume.opened(try await backend.index.locate(volume))
            try Swapping.swap(linked.path("target"), linked.path("link"))
            try backend.helperMounts.mount(
                open.device, FilesystemKind.ntfs.driver, on: target, path: linked.path("target"))
            #expect(try await linked.host.volume(mountedAt: linked.path("link")) == volume)
            #expect(try canary.isUnchanged())
            try await linked.host.unmountVolume(volume, from: linked.path("link"))

            // Its own place is empty again, and remains of a killed process there block no mount.
            let directory = "\(linked.scratch.path)/state/mounting"
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
            try Command.run("mkdir", "\(directory)/\(open.device.name)")
            try Command.run("mount", "-t", "tmpfs", "none", "\(directory)/\(open.device.name)")
            try await linked.host.mountVolume(volume, at: linked.path("link"))
            #expect(try MountTable.read().filter { $0.target.hasPrefix(linked.scratch.path) }.count == 1)
            try await linked.host.unmountVolume(volume, from: linked.path("link"))
            #expect(try MountTable.read().allSatisfy { !$0.target.hasPrefix(linked.scratch.path) })
        }

        /// CVE-2023-3893: paths and volume IDs became commands of a shell. Here they are names, with any content, also
        /// where a program is run.
        @Test(arguments: [FilesystemKind.ext4, .ntfs])
        func cve2023_3893_aPathIsNoCommand(_ filesystem: FilesystemKind) async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost(filesystem)
            let host = linked.host
            let volume = try await linked.volume(on: disk)
            try await host.formatVolume(volume)
            let names = [
                "$(touch owned)", "`touch owned`", "x;touch owned", "x & touch owned", "x|touch owned",
                "'; touch owned #",
                "\" ; touch owned", "-o suid", "--help", "%TMP%", "x,dev,suid",
            ]
            for name in names {
                let place = linked.path(name)
                try await host.makeDirectory(place)
                try await host.mountVolume(volume, at: place)
                #expect(try await host.volume(mountedAt: place) == volume)
                try await host.createSymlink(at: linked.path("link"), to: place)
                try await host.remove(linked.path("link"), force: true)
                try await host.unmountVolume(volume, from: place)
                #expect(try FileManager.default.contentsOfDirectory(atPath: linked.path("")) == [name])
                try await host.remove(place, force: true)
                // Windows would not have the name at all.
                if name.contains(where: "$`;&|\"".contains) {
                    await expectError(.invalidArgument) {
                        try await host.makeDirectory("C:" + place.replacing("/", with: #"\"#))
                    }
                }
            }
            for id in [
                #"\\?\Volume{$(touch owned)}\"#, "\(volume); touch owned", "\(volume)$(touch owned)", "$(touch owned)",
                #"\\?\Volume{00000000-0000-0000-0000-00000000000'}\"#,
            ] { expectError(.invalidArgument) { try VolumeID(id) } }
            let paths = [".", linked.scratch.path, linked.path(""), "/"]
            #expect(paths.allSatisfy { !FileManager.default.fileExists(atPath: "\($0)/owned") })
        }
    }
}
