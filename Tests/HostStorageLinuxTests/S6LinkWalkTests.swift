// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import Glibc
import HostStorage
import HostStorageTestKit
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S6: links lead where the kernel resolves them, not where their text seems to lead. On real directories and in
/// memory; takes no privileges.
@Suite struct S6LinkWalkTests {
    @Test(arguments: CaseLookupTests.Kind.allCases)
    func dotsBehindALinkLeadToWhatIsAboveItsTarget(_ kind: CaseLookupTests.Kind) async throws {
        let rig = try CaseLookupTests.rig(kind, ignoresCase: false)
        for name in ["a/deep", "a/here", "there"] { try await rig.host.makeDirectory("\(rig.root)/\(name)") }
        try rig.putLink("a/deep", "l")
        // By text alone each would be the other.
        try rig.putLink("l/../here", "real")
        try rig.putLink("l/../there", "seeming")
        #expect(try await rig.host.isSymlink("\(rig.root)/real"))
        #expect(try await !rig.host.isSymlink("\(rig.root)/seeming"))
        if kind != .memory {
            // Of a file nothing is above.
            try "text".write(toFile: "\(rig.root)/a/file", atomically: false, encoding: .utf8)
            try rig.putLink("a/file/../here", "behind")
            #expect(try await !rig.host.isSymlink("\(rig.root)/behind"))
        }
        // The same by a text that starts at the top, and by a second link.
        try rig.putLink("\(rig.root)/l/../here", "absolute")
        try rig.putLink("\(rig.root)/real/../../there", "again")
        #expect(try await rig.host.isSymlink("\(rig.root)/absolute"))
        #expect(try await rig.host.isSymlink("\(rig.root)/again"))
        await expectError(.denied) {
            try rig.putLink("a/../../\(rig.outside.split(separator: "/").last ?? "")/x", "out")
            return try await rig.host.isSymlink("\(rig.root)/out")
        }
    }

    @Test(arguments: CaseLookupTests.Kind.allCases)
    func aLinkToADirectoryIsADirectoryThatIsThere(_ kind: CaseLookupTests.Kind) async throws {
        let rig = try CaseLookupTests.rig(kind, ignoresCase: false)
        try await rig.host.makeDirectory("\(rig.root)/dir")
        for (name, target) in [("in", "dir"), ("chain", "in"), ("dangling", "missing"), ("out", rig.outside)] {
            try rig.putLink(target, name)
        }
        try await rig.host.makeDirectory("\(rig.root)/in")
        try await rig.host.makeDirectory("\(rig.root)/chain")
        for name in ["dangling", "out", "in/new", "dangling/new"] {
            await expectError(.failedPrecondition) {
                try await rig.host.makeDirectory("\(rig.root)/\(name)")
            }
        }
        #expect(try await !rig.host.pathExists("\(rig.root)/dir/new"))
    }

    /// As NTFS looks names up: also those in the text of a link.
    @Test(arguments: CaseLookupTests.Kind.allCases)
    func aLinksTextIsLookedUpAsNamesAre(_ kind: CaseLookupTests.Kind) async throws {
        let rig = try CaseLookupTests.rig(kind)
        try await rig.host.makeDirectory("\(rig.root)/Dir/Deep")
        for (name, target) in [("relative", "DIR/deep"), ("absolute", "\(rig.root)/dIR/DEEP")] {
            try rig.putLink(target, name)
            #expect(try await rig.host.isSymlink("\(rig.root)/\(name)"), "\(name)")
        }
        try rig.putLink("DIR/none", "none")
        #expect(try await !rig.host.isSymlink("\(rig.root)/none"))
    }

    /// One answer or the other, or an error that it changes too fast: never an unexplained error of the kernel.
    @Test(.timeLimit(.minutes(10)), arguments: Resolution.allCases)
    func aLinkThatChangesMeanwhileIsNoFault(_ resolution: Resolution) async throws {
        let linked = try LinkedHost(resolution: resolution)
        for name in ["one/x", "two/x"] { try await linked.host.makeDirectory(linked.path(name)) }
        let (place, link, directory) = (linked.path("swapped"), linked.path("link"), linked.path("directory"))
        try await linked.host.makeDirectory(place)
        try Command.run("ln", "-s", linked.path("one"), link)
        try Command.run("mkdir", "-p", "\(directory)/x")
        let swapper = Thread {
            while !Thread.current.isCancelled {
                // A directory, nothing, a link.
                _ = rename(place, directory + "-aside")
                _ = rename(link, place)
                _ = rename(place, link)
                _ = rename(directory + "-aside", place)
            }
        }
        swapper.start()
        defer { swapper.cancel() }
        for _ in 0..<300 {
            for call in 0..<3 {
                do throws(StorageError) {
                    switch call {
                    case 0: _ = try await linked.host.isSymlink(place)
                    case 1: _ = try await linked.host.volume(closestTo: place)
                    default: try await linked.host.makeDirectory("\(place)")
                    }
                } catch {
                    #expect(
                        [.notFound, .failedPrecondition, .aborted, .denied].contains(error.code), "\(error)")
                }
            }
        }
    }
}
