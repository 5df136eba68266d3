// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import HostStorageTestKit
import LoopDisks
import Testing

@testable import HostStorageLinux

/// Names looked up as on Windows, on real directories and in memory. Takes no privileges.
@Suite struct CaseLookupTests {
    /// A host that ignores case, and a way to make links in its root from beside it.
    struct Rig: Sendable {
        let root: String
        /// A directory beside the root.
        let outside: String
        let host: any StorageHost
        let putLink: @Sendable (_ target: String, _ name: String) throws -> Void
    }

    enum Kind: Sendable, CaseIterable { case kernel, walk, memory }

    static func rig(_ kind: Kind, ignoresCase: Bool = true) throws -> Rig {
        guard kind != .memory else {
            let root = "/var/lib/kubelet"
            let host = MemoryHost(
                settings: HostSettings(paths: try PathPolicy(roots: [root], ignoresCase: ignoresCase)))
            return Rig(
                root: root, outside: "/var/lib/other", host: host,
                putLink: { try host.backend.putLink(to: $0, at: "\(root)/\($1)") })
        }
        let linked = try LinkedHost(ignoresCase: ignoresCase, resolution: kind == .kernel ? .kernel : .walk)
        let root = "\(linked.scratch.path)/kubelet"
        try FileManager.default.createDirectory(atPath: linked.outside, withIntermediateDirectories: true)
        // The link maker keeps the scratch directory.
        return Rig(
            root: root, outside: linked.outside, host: linked.host,
            putLink: { try Command.run("ln", "-s", $0, linked.path($1)) })
    }

    @Test(arguments: Kind.allCases) func aNameIsFoundInAnyCase(_ kind: Kind) async throws {
        let rig = try Self.rig(kind)
        try await rig.host.makeDirectory("\(rig.root)/Pods/Größe")
        for name in ["Pods/Größe", "pods/größe", "PODS/GRÖßE"] {
            #expect(try await rig.host.pathExists("\(rig.root)/\(name)"), "\(name)")
        }
        // As NTFS has it: a sharp s has no upper case, an accent is no letter, a Kelvin sign no K.
        for name in ["Pods/GRÖSSE", "Pods/Grosse", "Pods/Gro\u{308}ße"] {
            #expect(try await !rig.host.pathExists("\(rig.root)/\(name)"), "\(name)")
        }
        try await rig.host.remove("\(rig.root)/pODS/gRÖßE", force: false)
        #expect(try await !rig.host.pathExists("\(rig.root)/Pods/Größe"))
    }

    @Test(arguments: Kind.allCases) func whatIsMadeKeepsTheCaseItWasGivenIn(_ kind: Kind) async throws {
        let rig = try Self.rig(kind)
        try await rig.host.makeDirectory("\(rig.root)/Pods")
        try await rig.host.makeDirectory("\(rig.root)/PODS/New/Deep")
        try await rig.host.makeDirectory("\(rig.root)/pods/NEW")
        try await rig.host.createSymlink(at: "\(rig.root)/pods/Link", to: "\(rig.root)/PODS/new/deep")
        try await rig.host.removeContents(of: "\(rig.root)/pods/NEW/DEEP")
        #expect(try await rig.host.isSymlink("\(rig.root)/pods/LINK"))
        await expectError(.alreadyExists) {
            try await rig.host.createSymlink(at: "\(rig.root)/Pods/lInK", to: "\(rig.root)/Pods")
        }
        if kind != .memory {
            // Programs other than this layer see the link's text as it is.
            #expect(try FileManager.default.contentsOfDirectory(atPath: rig.root) == ["Pods"])
            #expect(try Set(FileManager.default.contentsOfDirectory(atPath: "\(rig.root)/Pods")) == ["New", "Link"])
            #expect(FileManager.default.fileExists(atPath: "\(rig.root)/Pods/Link"), "it leads somewhere")
        }
    }

    @Test(arguments: Kind.allCases) func theExactNameIsPreferredAndNoneIsGuessed(_ kind: Kind) async throws {
        guard kind != .memory else {
            expectError(.failedPrecondition, "differ from XX in case alone: Xx, xX") {
                try NameLookup.match("XX", among: ["xX", "Xx", "y"])
            }
            #expect(try NameLookup.match("xX", among: ["Xx", "xX"]) == "xX")
            #expect(try NameLookup.match("z", among: ["Xx", "xX"]) == nil)
            return
        }
        let rig = try Self.rig(kind)
        for name in ["xX/exact", "Xx/other"] { try Command.run("mkdir", "-p", "\(rig.root)/\(name)") }
        #expect(try await rig.host.pathExists("\(rig.root)/xX/EXACT"))
        #expect(try await !rig.host.pathExists("\(rig.root)/xX/other"))
        let ambiguous = "differ from xx in case alone: Xx, xX"
        await expectError(.failedPrecondition, ambiguous) { try await rig.host.pathExists("\(rig.root)/xx") }
        await expectError(.failedPrecondition, ambiguous) { try await rig.host.makeDirectory("\(rig.root)/xx/new") }
        await expectError(.failedPrecondition, ambiguous) { try await rig.host.remove("\(rig.root)/xx", force: true) }
        await expectError(.failedPrecondition, ambiguous) {
            try await rig.host.createSymlink(at: "\(rig.root)/link", to: "\(rig.root)/xx")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(rig.root)/xX") == ["exact"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(rig.root)/Xx") == ["other"])
    }

    @Test(arguments: Kind.allCases) func aLinkOnTheWayIsStillRefused(_ kind: Kind) async throws {
        let rig = try Self.rig(kind)
        try await rig.host.makeDirectory("\(rig.root)/Dir")
        try rig.putLink(rig.outside, "Out")
        try rig.putLink("\(rig.root)/Dir", "In")
        for name in ["OUT/x", "in/x"] {
            await expectError(.failedPrecondition) {
                try await rig.host.makeDirectory("\(rig.root)/\(name)")
            }
        }
        #expect(try await rig.host.isSymlink("\(rig.root)/IN"))
        await expectError(.denied) { try await rig.host.volume(closestTo: "\(rig.root)/OUT") }
    }

    @Test(arguments: Kind.allCases) func caseCountsUnlessConfiguredOtherwise(_ kind: Kind) async throws {
        let rig = try Self.rig(kind, ignoresCase: false)
        try await rig.host.makeDirectory("\(rig.root)/Pods")
        #expect(try await !rig.host.pathExists("\(rig.root)/pods"))
        try await rig.host.makeDirectory("\(rig.root)/pods")
        #expect(try await rig.host.pathExists("\(rig.root)/pods"))
    }

    /// S10: two spellings of one path are in each other's way.
    @Test func locksAreHeldOnThePlaceAndNotOnItsSpelling() throws {
        let policy = try PathPolicy(roots: ["/srv"], ignoresCase: true)
        let (a, b) = (try policy.resolve("/srv/Größe/x"), try policy.resolve("/srv/gRÖßE/X"))
        #expect(a != b && policy.lockable(a) == policy.lockable(b))
        let exact = try PathPolicy(roots: ["/srv"])
        #expect(try exact.lockable(exact.resolve("/srv/X")) != exact.lockable(exact.resolve("/srv/x")))
    }
}
