// SPDX-License-Identifier: Apache-2.0

import Expectations
import HostStorage
import Testing

@Suite struct PathPolicyTests {
    @Test func aPathKnowsItsRootAndItsNames() throws {
        let policy = try PathPolicy(roots: ["/var/lib/kubelet", "/srv"])
        let path = try policy.resolve("/var/lib/kubelet/pods/x")
        #expect(path.root == "/var/lib/kubelet")
        #expect(path.components == ["pods", "x"])
        #expect(path.name == "x")
        #expect(path.parent == (try policy.resolve("/var/lib/kubelet/pods")))
        let root = try policy.resolve("/srv/")
        #expect(root.isRoot && root.name == nil && root.parent == nil && root.description == "/srv")
    }

    @Test func theDeepestRootThatHoldsAPathIsItsRoot() throws {
        for roots in [["/data", "/data/a/b", "/data/a"], ["/data/a/b", "/data/a", "/data"]] {
            let policy = try PathPolicy(roots: roots)
            #expect(try policy.resolve("/data/a/b/c").root == "/data/a/b")
            #expect(try policy.resolve("/data/a/bc").root == "/data/a")
            // So it counts as a root, and a root stays as it is.
            #expect(try policy.resolve("/data/a").isRoot)
        }
    }

    @Test func drivesAreDirectories() throws {
        let policy = try PathPolicy(
            roots: [#"D:\"#, #"e:\pods"#, "/var/lib/kubelet"], drives: ["D": "/data", "e": "/mnt/e"])
        #expect(policy.roots == ["/data", "/mnt/e/pods", "/var/lib/kubelet"])
        #expect(try policy.resolve(#"D:\x\Y"#).description == "/data/x/Y")
        #expect(try policy.resolve(#"d:\x"#).description == "/data/x")
        #expect(try policy.resolve(#"E:\PODS\x"#).description == "/mnt/e/pods/x")
        #expect(try policy.resolve("/data/x") == (try policy.resolve(#"D:\x"#)))
        // C is the host itself unless it is mapped.
        #expect(try policy.resolve(#"C:\var\lib\kubelet\x"#).description == "/var/lib/kubelet/x")
        #expect(try policy.resolve(#"C:\Data\x"#).description == "/data/x")
        expectError(.denied, "drive F:, which maps to no directory") { try policy.resolve(#"F:\x"#) }
    }

    @Test func driveCCanBeMapped() throws {
        let policy = try PathPolicy(roots: [#"C:\var\lib\kubelet"#], drives: ["c": "/host"])
        #expect(policy.roots == ["/host/var/lib/kubelet"])
        #expect(try policy.resolve(#"\var\lib\kubelet\x"#, driveless: .onDriveC).root == "/host/var/lib/kubelet")
        expectError(.denied) { try policy.resolve("/var/lib/kubelet/x") }
    }

    /// The second letters become ASCII only when they are made upper case.
    @Test(arguments: ["1", "ä", "/", " ", "\u{DF}", "\u{131}", "\u{17F}", "C\u{301}"] as [Character])
    func isNoDriveLetter(_ letter: Character) {
        expectError(.invalidArgument, "not a drive letter") {
            try PathPolicy(roots: ["/srv"], drives: [letter: "/data"])
        }
    }

    @Test(arguments: [[], ["/"], ["//"], [""], ["srv"], [#"C:\"#], ["/srv", "/"], ["/srv/../etc"], [#"\srv\.."#]])
    func isNoListOfRoots(_ roots: [String]) {
        expectError(.invalidArgument) { try PathPolicy(roots: roots) }
    }

    @Test func aRootOnAnUnknownDriveIsRefused() {
        expectError(.denied) { try PathPolicy(roots: [#"X:\data"#]) }
        expectError(.invalidArgument) { try PathPolicy(roots: ["/srv"], drives: ["D": "relative"]) }
        expectError(.invalidArgument) { try PathPolicy(roots: ["/srv"], drives: ["D": "/a/../b"]) }
    }

    @Test func theCaseOfNamesBelowTheRootIsKept() throws {
        let policy = try PathPolicy(roots: ["/srv"])
        #expect(try policy.resolve(#"C:\SRV\Foo"#) != (try policy.resolve(#"C:\srv\foo"#)))
        #expect(try policy.resolve(#"C:\SRV\Foo"#).description == "/srv/Foo")
    }

    @Test func ofRootsThatDifferInCaseTheExactOneIsMeant() throws {
        let policy = try PathPolicy(roots: ["/srv/A", "/srv/a", "/srv/A"])
        #expect(try policy.resolve(#"C:\srv\a\x"#).root == "/srv/a")
        #expect(try policy.resolve(#"C:\srv\A\x"#).root == "/srv/A")
        expectError(.failedPrecondition, "several working directories that differ in case") {
            try policy.resolve(#"C:\SRV\a\x"#)
        }
        #expect(try PathPolicy(roots: ["/srv/A", "/srv/A"]).resolve(#"C:\srv\a\x"#).root == "/srv/A")
    }

    @Test func rootsOfAPolicyThatIgnoresCaseFoldInEverySpelling() throws {
        let policy = try PathPolicy(roots: ["/srv/A"], ignoresCase: true)
        #expect(try policy.resolve("/SRV/a/Name").hostPath == "/srv/A/Name")
        expectError(.denied) { try PathPolicy(roots: ["/srv/A"]).resolve("/SRV/a/Name") }
    }

    /// A drive can put a long Windows name where only the name counts.
    @Test func namesAreShortInEverySpelling() throws {
        let policy = try PathPolicy(roots: [#"D:\"#], drives: ["D": "/data"])
        #expect(try policy.resolve(#"D:\"# + String(repeating: "n", count: 255)).components.count == 1)
        expectError(.invalidArgument, "exceeds the maximum of 255") {
            try policy.resolve(#"D:\"# + String(repeating: "n", count: 256))
        }
    }

    @Test func errorsOfLongPathsAreShort() {
        for text in [
            String(repeating: "x", count: 4 << 20), #"\\"# + String(repeating: "x", count: 4 << 20),
            "a" + String(repeating: "\u{301}", count: 1 << 20), "/" + String(repeating: "x", count: 4 << 20),
        ] {
            do {
                _ = try PathPolicy(roots: ["/srv"]).resolve(text)
                Issue.record("accepted")
            } catch {
                #expect(error.code == .invalidArgument && "\(error)".utf8.count < 8192)
            }
        }
    }
}
