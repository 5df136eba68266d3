// SPDX-License-Identifier: Apache-2.0

import CLinuxStorage
import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

/// S6: no path leaves its root, by the kernel's resolution and by the walk alike. Takes no privileges.
@Suite struct S6ResolutionTests {
    /// A tree with everything that could be in the way.
    struct Tree {
        let scratch: ScratchDirectory
        let policy: PathPolicy
        let canary: Canary
        let magic: MagicLink

        init(roots: [String] = ["root"]) throws {
            let scratch = try ScratchDirectory()
            self.scratch = scratch
            policy = try PathPolicy(roots: roots.map { "\(scratch.path)/\($0)" })
            canary = try Canary(at: "\(scratch.path)/outside", directories: [".", "dir"])
            magic = try MagicLink(to: canary.path)
            try Command.run("mkdir", "-p", path("dir/deep"))
            try Command.run("touch", path("file"))
            try Command.run("mkfifo", path("fifo"))
            for (name, target) in [
                ("out", canary.path), ("in", path("dir")), ("up", ".."), ("magic", magic.path),
                ("dangling", "missing"),
            ] { try Command.run("ln", "-s", target, path(name)) }
        }

        func path(_ name: String) -> String { "\(scratch.path)/root/\(name)" }
        func place(_ name: String) throws -> HostPath { try policy.resolve(path(name)) }
        func resolver(_ resolution: Resolution) -> ConfinedPathResolver {
            ConfinedPathResolver(policy: policy, resolution: resolution)
        }
    }

    static let opening: [(path: String, flags: Int32, errno: Int32?)] = [
        ("dir/deep", O_RDONLY | O_DIRECTORY, nil), ("dir/deep", cls_O_PATH, nil),
        ("dir", cls_O_PATH | O_DIRECTORY, nil),
        ("file", O_RDONLY, nil), ("fifo", cls_O_PATH, nil),
        ("file", O_RDONLY | O_DIRECTORY, ENOTDIR), ("fifo", O_RDONLY | O_DIRECTORY, ENOTDIR),
        ("missing", cls_O_PATH, ENOENT), ("dir/missing/x", cls_O_PATH, ENOENT), ("file/x", cls_O_PATH, ENOTDIR),
        ("out", cls_O_PATH, ELOOP), ("out", O_RDONLY | O_DIRECTORY, ELOOP), ("out", cls_O_PATH | O_DIRECTORY, ELOOP),
        ("out/dir", cls_O_PATH, ELOOP), ("in/deep", cls_O_PATH, ELOOP), ("up/root/dir", cls_O_PATH, ELOOP),
        ("magic", cls_O_PATH, ELOOP), ("magic/dir", cls_O_PATH, ELOOP), ("dangling", O_RDONLY, ELOOP),
        ("dangling/x", cls_O_PATH, ELOOP),
    ]

    @Test(arguments: Resolution.allCases, opening)
    func opensWhatIsThereAndNothingBehindALink(
        _ resolution: Resolution, _ row: (path: String, flags: Int32, errno: Int32?)
    ) throws {
        let tree = try Tree()
        let resolver = tree.resolver(resolution)
        do {
            let opened = try resolver.open(tree.place(row.path), row.flags)
            #expect(row.errno == nil)
            let wanted = try FileManager.default.attributesOfItem(atPath: tree.path(row.path))[.systemFileNumber]
            #expect(try opened.status("").inode == wanted as? UInt64)
        } catch let error as StorageError {
            let wanted = try #require(row.errno, "\(error)")
            #expect(error.isSystemCall(errno: wanted), "\(error)")
        }
    }

    @Test(arguments: Resolution.allCases) func aRootItselfOpens(_ resolution: Resolution) throws {
        let tree = try Tree()
        let root = try tree.policy.resolve("\(tree.scratch.path)/root")
        for flags in [cls_O_PATH, O_RDONLY | O_DIRECTORY] {
            #expect(try tree.resolver(resolution).open(root, flags).status("").isDirectory)
        }
    }

    /// Between a look at the directory and the deed, which is done on the descriptor.
    @Test(arguments: Resolution.allCases) func whatIsOpenStaysWhatItWas(_ resolution: Resolution) throws {
        let tree = try Tree()
        let (directory, name) = try tree.resolver(resolution).openParent(of: tree.place("dir/new"))
        try Swapping.swap(tree.path("dir"), tree.path("out"))
        #expect(mkdirat(directory.descriptor.raw, name, 0o755) == 0)
        #expect(FileManager.default.fileExists(atPath: tree.path("out/new")), "in the directory, wherever it is now")
        #expect(try tree.canary.isUnchanged())
    }

    // MARK: - Roots

    /// Callers rule over the way from one root to another within it.
    @Test(arguments: Resolution.allCases) func aRootWithinARootIsReachedByNoLink(_ resolution: Resolution) throws {
        let tree = try Tree(roots: ["root", "root/a/inner"])
        let resolver = tree.resolver(resolution)
        let inner = try tree.place("a/inner/x")
        #expect(inner.root == tree.path("a/inner"))
        try DirectoryCreation.make(inner, resolver)
        #expect(try resolver.open(inner, cls_O_PATH).status("").isDirectory)

        try Command.run("mkdir", "\(tree.scratch.path)/elsewhere")
        let canary = try Canary(at: "\(tree.scratch.path)/elsewhere", directories: ["inner/x"])
        try Command.run("rm", "-r", tree.path("a"))
        try Command.run("ln", "-s", canary.path, tree.path("a"))
        expectError(.failedPrecondition, "symbolic link") { _ = try resolver.open(inner, cls_O_PATH) }
        expectError(.failedPrecondition, "symbolic link") { try DirectoryCreation.make(inner, resolver) }
        expectError(.failedPrecondition) { try DirectoryCreation.make(tree.place("a/inner/new"), resolver) }
        #expect(try canary.isUnchanged())
    }

    @Test(arguments: Resolution.allCases) func aMissingRootWithinARootIsNotMadeBehindALink(_ resolution: Resolution)
        throws
    {
        let tree = try Tree(roots: ["root", "root/out/dir/inner"])
        expectError(.failedPrecondition, "symbolic link") {
            try DirectoryCreation.make(tree.place("out/dir/inner/x"), tree.resolver(resolution))
        }
        #expect(try tree.canary.isUnchanged())
    }

    /// The way to a root of its own is the operator's: a kubelet's directory on another disk.
    @Test(arguments: Resolution.allCases) func theOperatorsLinkToARootIsFollowed(_ resolution: Resolution) throws {
        let tree = try Tree(roots: ["kubelet", "link/made/root"])
        try Command.run("ln", "-s", "\(tree.scratch.path)/root", "\(tree.scratch.path)/kubelet")
        try Command.run("ln", "-s", "\(tree.scratch.path)/root", "\(tree.scratch.path)/link")
        let resolver = tree.resolver(resolution)
        #expect(
            try resolver.open(tree.policy.resolve("\(tree.scratch.path)/kubelet/dir"), cls_O_PATH).status("")
                .isDirectory)
        try DirectoryCreation.make(tree.policy.resolve("\(tree.scratch.path)/link/made/root/x"), resolver)
        #expect(FileManager.default.fileExists(atPath: tree.path("made/root/x")))
    }

    // MARK: - Making and removing

    @Test(arguments: Resolution.allCases) func directoriesAreMadeBehindNoLink(_ resolution: Resolution) throws {
        let tree = try Tree()
        for name in ["out/x", "out/dir/x", "in/x", "up/x", "magic/dir/x", "dangling/x", "out", "dangling"] {
            expectError(.failedPrecondition, "symbolic link") {
                try DirectoryCreation.make(tree.place(name), tree.resolver(resolution))
            }
        }
        #expect(try tree.canary.isUnchanged())
        #expect(try FileManager.default.contentsOfDirectory(atPath: tree.path("dir")) == ["deep"])
    }

    @Test func removalUnlinksLinksAndDoesNotWait() throws {
        let tree = try Tree()
        let root = try tree.policy.resolve("\(tree.scratch.path)/root")
        // A FIFO that is opened would wait for a writer.
        try TreeRemoval.removeContents(of: tree.resolver(.available).open(root, O_RDONLY | O_DIRECTORY), "root")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)").isEmpty)
        #expect(try tree.canary.isUnchanged())
    }

    /// Only a query: no test tries to empty it.
    @Test func theTopOfTheHostIsKnownByWhicheverWay() throws {
        for path in ["/", "/proc/self/root", "/tmp/.."] {
            #expect(try TreeRemoval.isTopOfHost(Descriptor(opening: path, O_RDONLY | O_DIRECTORY), path))
        }
        let tree = try Tree()
        #expect(try !TreeRemoval.isTopOfHost(Descriptor(opening: tree.scratch.path, O_RDONLY | O_DIRECTORY), ""))
    }

    @Test func aNameIsOpenedAsWhatItIs() throws {
        let tree = try Tree()
        let root = try Descriptor(opening: "\(tree.scratch.path)/root", cls_O_PATH | O_DIRECTORY)
        #expect(try root.openName("file", O_RDONLY, "").status("").size == 0)
        for name in ["out", "dangling", "magic"] {
            expectError(.failedPrecondition, "symbolic link") { _ = try root.openName(name, O_RDONLY, "") }
        }
        expectError(.failedPrecondition, "no directory") { _ = try root.openName("fifo", O_RDONLY | O_DIRECTORY, "") }
    }
}
