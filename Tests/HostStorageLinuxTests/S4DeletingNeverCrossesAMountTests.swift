// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

extension RealDiskTests {
    /// S4: deleting crosses no mount and follows no link.
    @Suite struct S4DeletingNeverCrossesAMountTests {
        @Test func forcedRemovalOfAMountKeepsTheData() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            let place = linked.path("staging")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try "precious".write(toFile: "\(place)/data", atomically: false, encoding: .utf8)
            try await linked.host.remove(place, force: true)
            #expect(!FileManager.default.fileExists(atPath: place))
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            #expect(try String(contentsOfFile: "\(place)/data", encoding: .utf8) == "precious")
            try await linked.host.unmountVolume(volume, from: place)
        }

        /// A bind mount of the same filesystem has the same device number as the tree around it.
        @Test(arguments: [false, true]) func aMountInsideATreeStopsItsRemoval(contentsOnly: Bool) async throws {
            let linked = try LinkedHost()
            let (tree, outside) = (linked.path("tree"), "\(linked.scratch.path)/outside")
            try await linked.host.makeDirectory("\(tree)/a/mounted")
            try Command.run("mkdir", outside)
            try Command.run("touch", "\(outside)/data")
            try Command.run("mount", "--bind", outside, "\(tree)/a/mounted")
            defer { _ = try? Command.run("umount", "\(tree)/a/mounted") }
            await expectError(.busy, "mounted") {
                if contentsOnly {
                    try await linked.host.removeContents(of: tree)
                } else {
                    try await linked.host.remove(tree, force: true)
                }
            }
            #expect(FileManager.default.fileExists(atPath: "\(outside)/data"))
        }

        @Test func removalUnlinksLinksAndFollowsNone() async throws {
            let linked = try LinkedHost()
            let (tree, outside) = (linked.path("tree"), "\(linked.scratch.path)/outside")
            try await linked.host.makeDirectory(tree)
            try Command.run("mkdir", outside)
            try Command.run("touch", "\(outside)/data")
            try Command.run("ln", "-s", outside, "\(tree)/link")
            try await linked.host.removeContents(of: tree)
            #expect(try FileManager.default.contentsOfDirectory(atPath: tree).isEmpty)
            try Command.run("ln", "-s", outside, "\(linked.path("link"))")
            await expectError(.failedPrecondition, "symbolic link") {
                try await linked.host.removeContents(of: linked.path("link"))
            }
            #expect(FileManager.default.fileExists(atPath: "\(outside)/data"))
        }

        /// All mounts there go, the topmost first; their content stays.
        @Test func forcedRemovalTakesStackedMountsAwayAndNoneOfTheirData() async throws {
            let mounted = try await MountedVolume()
            try "precious".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            let other = "\(mounted.linked.scratch.path)/other"
            try Command.run("mkdir", other)
            try Command.run("touch", "\(other)/data")
            try Command.run("mount", "--bind", other, mounted.place)
            try Command.run("mount", "--bind", mounted.place, mounted.place)
            try await mounted.linked.host.remove(mounted.place, force: true)
            #expect(!FileManager.default.fileExists(atPath: mounted.place))
            #expect(FileManager.default.fileExists(atPath: "\(other)/data"))
            try await mounted.linked.host.makeDirectory(mounted.place)
            try await mounted.mount()
            #expect(try String(contentsOfFile: "\(mounted.place)/data", encoding: .utf8) == "precious")
            try await mounted.unmount()
        }

        /// Content hidden below the mount is not ours to delete.
        @Test func whatAMountHasHiddenStays() async throws {
            let mounted = try await MountedVolume()
            try await mounted.unmount()
            try "hidden".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            try Command.run("mount", mounted.disk.partition(), mounted.place)
            await expectError(.failedPrecondition, "not empty") {
                try await mounted.linked.host.remove(mounted.place, force: true)
            }
            #expect(try String(contentsOfFile: "\(mounted.place)/data", encoding: .utf8) == "hidden")
        }

        @Test(arguments: [true, false]) func aMountInUseIsNeitherRemovedNorEmptied(force: Bool) async throws {
            let mounted = try await MountedVolume()
            try "precious".write(toFile: "\(mounted.place)/data", atomically: false, encoding: .utf8)
            let holder = try HoldingProcess("cd $0; echo; cat", mounted.place)
            let words = force ? "process \(holder.id)" : "mounted"
            await expectError(.busy, words) { try await mounted.linked.host.remove(mounted.place, force: force) }
            holder.end()
            #expect(try String(contentsOfFile: "\(mounted.place)/data", encoding: .utf8) == "precious")
            try await mounted.unmount()
        }

        /// A mount that comes while a tree is being removed is met like one that was there before.
        @Test func aMountThatComesMeanwhileLosesNothing() async throws {
            let linked = try LinkedHost()
            let (tree, outside) = (linked.path("tree"), "\(linked.scratch.path)/outside")
            try Command.run("mkdir", outside)
            try Command.run("touch", "\(outside)/data")
            for _ in 0..<10 {
                let places = try (0..<40).map { index in
                    let place = "\(tree)/\(index)"
                    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
                    return place
                }
                let mounting = Task {
                    for place in places.reversed() { _ = try? Command.run("mount", "--bind", outside, place) }
                }
                do throws(StorageError) {
                    try await linked.host.remove(tree, force: true)
                } catch {
                    #expect(error.code == .busy)
                }
                await mounting.value
                for place in places { _ = try? Command.run("umount", place) }
                #expect(FileManager.default.fileExists(atPath: "\(outside)/data"))
            }
        }
    }
}
