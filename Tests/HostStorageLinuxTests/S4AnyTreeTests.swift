// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import Glibc
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S4: a tree of any content and depth is removed as a whole or with an error. Takes no privileges.
@Suite struct S4AnyTreeTests {
    /// A directory made by name on a descriptor, so that no path has to be short.
    private static func openDirectory(_ path: String) throws -> Int32 {
        let raw = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try #require(raw >= 0)
        return raw
    }

    /// `depth` directories, one in the other, with a file in the last. Returns how many were made.
    private static func makeChain(in path: String, depth: Int) throws {
        var current = try openDirectory(path)
        for _ in 0..<depth {
            try #require(mkdirat(current, "d", 0o755) == 0)
            let next = openat(current, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            close(current)
            try #require(next >= 0)
            current = next
        }
        let file = openat(current, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
        close(current)
        try #require(file >= 0)
        close(file)
    }

    enum Way: CaseIterable { case contents, forced }

    private static func remove(_ tree: String, of linked: LinkedHost, _ way: Way) async throws(StorageError) {
        switch way {
        case .contents: try await linked.host.removeContents(of: tree)
        case .forced: try await linked.host.remove(tree, force: true)
        }
    }

    private static func expectGone(_ tree: String, _ way: Way) throws {
        switch way {
        case .contents: #expect(try FileManager.default.contentsOfDirectory(atPath: tree).isEmpty)
        case .forced: #expect(access(tree, F_OK) != 0)
        }
    }

    @Test(arguments: Way.allCases) func namesOfEveryByteAreRemoved(_ way: Way) async throws {
        let linked = try LinkedHost()
        let tree = linked.path("tree")
        try await linked.host.makeDirectory("\(tree)/in")
        for directory in [tree, "\(tree)/in"] {
            let raw = try Self.openDirectory(directory)
            defer { close(raw) }
            for byte in UInt8.min...UInt8.max where ![0, UInt8(ascii: "/"), UInt8(ascii: "."), 0x78].contains(byte) {
                for name in [[byte, byte, byte], [0x78, byte], [byte, 0xFF]] {
                    let made = name.withCString { path in
                        byte % 2 == 0 ? mkdirat(raw, path, 0o755) : openat(raw, path, O_CREAT | O_WRONLY, 0o644)
                    }
                    #expect(made >= 0)
                    if byte % 2 != 0 { close(made) }
                    if byte % 2 == 0 {
                        // Not empty, so that it has to be gone into.
                        let inner = (name + Array("/".utf8) + [byte]).withCString { mkdirat(raw, $0, 0o755) }
                        #expect(inner == 0)
                    }
                }
            }
        }
        try await Self.remove(tree, of: linked, way)
        try Self.expectGone(tree, way)
    }

    /// A directory whose names are no text is not an empty one, in which a volume could be mounted.
    @Test func aNameThatIsNoTextCounts() throws {
        let scratch = try ScratchDirectory()
        let directory = try Descriptor(opening: scratch.path, O_RDONLY | O_DIRECTORY)
        let raw = directory.raw
        #expect([0xFF].withCString { mkdirat(raw, $0, 0o755) } == 0)
        #expect(try !directory.isEmptyDirectory(""))
    }

    /// Far deeper than a path can name, and than there are descriptors.
    @Test(arguments: Way.allCases) func aTreeOfAnyDepthIsRemoved(_ way: Way) async throws {
        let linked = try LinkedHost()
        let tree = linked.path("tree")
        try await linked.host.makeDirectory(tree)
        try Self.makeChain(in: tree, depth: way == .forced ? 100_000 : 5000)
        try await Self.remove(tree, of: linked, way)
        try Self.expectGone(tree, way)
    }

    @Test func aWideTreeIsRemoved() async throws {
        let linked = try LinkedHost()
        let tree = linked.path("tree")
        try await linked.host.makeDirectory(tree)
        for index in 0..<5000 {
            let path = "\(tree)/\(index)"
            if index % 5 == 0 {
                #expect(mkdir(path, 0o755) == 0 && mkdir("\(path)/in", 0o755) == 0)
            } else {
                close(creat(path, 0o644))
            }
        }
        try await linked.host.remove(tree, force: true)
        #expect(access(tree, F_OK) != 0)
    }

    /// A directory that is moved out of the tree meanwhile may lose its content; its new parent loses nothing.
    @Test(.timeLimit(.minutes(10))) func whatIsMovedAwayLeadsTheRemovalNowhere() async throws {
        let linked = try LinkedHost()
        try await linked.host.makeDirectory(linked.path("x"))
        for round in 0..<20 {
            let (tree, elsewhere) = (linked.path("tree"), "\(linked.scratch.path)/elsewhere-\(round)")
            try await linked.host.makeDirectory("\(tree)/a/b/c/d")
            for index in 0..<200 {
                try FileManager.default.createDirectory(
                    atPath: "\(tree)/a/b/c/d/\(index)/in", withIntermediateDirectories: true)
            }
            try FileManager.default.createDirectory(
                atPath: "\(elsewhere)/kept/deep", withIntermediateDirectories: true)
            close(creat("\(elsewhere)/kept/file", 0o644))
            let place = tree
            let mover = Thread {
                for index in 0..<200 {
                    _ = rename("\(place)/a/b/c/d/\(index)", "\(elsewhere)/\(index)")
                    if index == 20 { _ = rename("\(place)/a/b/c", "\(elsewhere)/c") }
                }
            }
            mover.start()
            do throws(StorageError) {
                try await linked.host.remove(tree, force: true)
            } catch {
                // A directory that fills again, or one that is never at rest.
                #expect([.failedPrecondition, .aborted].contains(error.code), "\(error)")
            }
            while !mover.isFinished { try await Task.sleep(for: .milliseconds(1)) }
            #expect(access("\(elsewhere)/kept/deep", F_OK) == 0 && access("\(elsewhere)/kept/file", F_OK) == 0)
            try await linked.host.remove(tree, force: true)
        }
    }

    /// It is moved as soon as the removal has begun in it, to where others have the names that its neighbours had.
    @Test(.timeLimit(.minutes(10))) func theNeighboursOfWhatIsMovedAwayAreNotMistakenForItsOwn() async throws {
        let linked = try LinkedHost()
        let (tree, elsewhere) = (linked.path("tree"), "\(linked.scratch.path)/elsewhere")
        let names = (0..<64).map { "neighbour \($0)" }
        try FileManager.default.createDirectory(atPath: elsewhere, withIntermediateDirectories: true)
        for name in names { close(creat("\(elsewhere)/\(name)", 0o644)) }
        for round in 0..<10 {
            try await linked.host.makeDirectory("\(tree)/a/busy")
            for name in names { close(creat("\(tree)/a/\(name)", 0o644)) }
            for index in 0..<4000 { close(creat("\(tree)/a/busy/\(index)", 0o644)) }
            let mover = Thread {
                var (before, now) = (stat(), stat())
                guard stat("\(tree)/a/busy", &before) == 0 else { return }
                while stat("\(tree)/a/busy", &now) == 0 {
                    if now.st_mtim.tv_sec == before.st_mtim.tv_sec, now.st_mtim.tv_nsec == before.st_mtim.tv_nsec {
                        continue
                    }
                    _ = rename("\(tree)/a/busy", "\(elsewhere)/busy \(round)")
                    return
                }
            }
            mover.start()
            try await linked.host.remove(tree, force: true)
            while !mover.isFinished { try await Task.sleep(for: .milliseconds(1)) }
            for name in names { #expect(access("\(elsewhere)/\(name)", F_OK) == 0) }
        }
    }
}

extension RealDiskTests {
    /// S4 on a filesystem that knows chattr(1).
    @Suite struct S4ProtectedFileTests {
        /// As for a directory: the caller did not see the content below a mount.
        @Test func aFileWithDataBelowAMountStays() async throws {
            let linked = try LinkedHost()
            let (file, source) = (linked.path("file"), linked.path("source"))
            try await linked.host.makeDirectory(linked.path("in"))
            for text in ["data", ""] {
                try text.write(toFile: file, atomically: false, encoding: .utf8)
                try "mounted".write(toFile: source, atomically: false, encoding: .utf8)
                try Command.run("mount", "--bind", source, file)
                if text.isEmpty {
                    try await linked.host.remove(file, force: true)
                    #expect(access(file, F_OK) != 0)
                } else {
                    await expectError(.failedPrecondition, "below the mount") {
                        try await linked.host.remove(file, force: true)
                    }
                    #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
                }
            }
        }

        @Test func aFileThatIsProtectedIsNamed() async throws {
            let disk = try LoopDisk()
            let linked = try LinkedHost()
            let volume = try await linked.volume(on: disk)
            try await linked.host.formatVolume(volume)
            let place = linked.path("m")
            try await linked.host.makeDirectory(place)
            try await linked.host.mountVolume(volume, at: place)
            try await linked.host.makeDirectory("\(place)/tree/in")
            try Command.run("touch", "\(place)/tree/in/file")
            for (flag, word) in [("+i", "immutable"), ("+a", "append-only")] {
                try Command.run("chattr", flag, "\(place)/tree/in/file")
                await expectError(.failedPrecondition, "\(place)/tree/in/file", word) {
                    try await linked.host.remove("\(place)/tree", force: true)
                }
                try Command.run("chattr", "-ia", "\(place)/tree/in/file")
            }
            try Command.run("chattr", "+i", "\(place)/tree/in")
            await expectError(.failedPrecondition, "\(place)/tree/in/file", "directory that holds it is immutable") {
                try await linked.host.removeContents(of: "\(place)/tree")
            }
            try Command.run("chattr", "-i", "\(place)/tree/in")
            // A directory with nothing in it.
            try await linked.host.makeDirectory("\(place)/tree/in/empty")
            try Command.run("chattr", "+i", "\(place)/tree/in/empty")
            await expectError(.failedPrecondition, "\(place)/tree/in/empty", "immutable") {
                try await linked.host.remove("\(place)/tree", force: true)
            }
            try Command.run("chattr", "-i", "\(place)/tree/in/empty")
            try await linked.host.remove("\(place)/tree", force: true)
            try await linked.host.unmountVolume(volume, from: place)
        }
    }
}
