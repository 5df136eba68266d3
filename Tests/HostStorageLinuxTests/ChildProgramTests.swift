// SPDX-License-Identifier: Apache-2.0

import Expectations
import Foundation
import HostStorage
import LoopDisks
import Testing

@testable import HostStorageLinux

@Suite(.timeLimit(.minutes(20))) struct ChildProgramTests {
    @Test func aProgramThatIsMissingIsNamedWithItsPackage() {
        expectError(.unsupported, "package unheard-of") {
            try ChildProgram("mkfs.unheard-of", package: "unheard-of")
        }
    }

    @Test func failureHasTheStatusAndTheOutput() async throws {
        let program = try ChildProgram("sh", package: "dash")
        let (status, errors) = try await program.run(
            ["-c", "echo no good >&2; exit 3"], deadline: .seconds(120))
        #expect((status, errors) == (3, "no good"))
    }

    /// One that ignores the polite request too.
    @Test func aProgramThatDoesNotEndIsStopped() async throws {
        let program = try ChildProgram("sh", package: "dash")
        await expectError(.deadlineExceeded, "stopped") {
            try await program.run(["-c", "trap '' TERM; sleep 1000"], deadline: .milliseconds(200))
        }
    }

    /// Programs that it runs would go on with the device.
    @Test(arguments: ["", "trap '' TERM; "]) func whatItHasStartedIsStoppedWithIt(_ ignoring: String) async throws {
        let scratch = try ScratchDirectory()
        let program = try ChildProgram("sh", package: "dash")
        await expectError(.deadlineExceeded, "stopped") {
            try await program.run(
                ["-c", "\(ignoring)sleep 1000 & echo $! >\(scratch.path)/child; wait"], deadline: .milliseconds(500))
        }
        let text = try String(contentsOfFile: "\(scratch.path)/child", encoding: .utf8)
        let child = try #require(pid_t(text.trimmingCharacters(in: .newlines)))
        try await eventually("process \(child) ends") { kill(child, 0) != 0 && errno == ESRCH }
    }

    @Test func argumentsAreNotWordsOfAShellAndTheEnvironmentIsClean() async throws {
        let program = try ChildProgram("env", package: "coreutils")
        let (status, _) = try await program.run(
            ["test", "$(touch /nowhere) ;", "=", "$(touch /nowhere) ;"], deadline: .seconds(120))
        #expect(status == 0)
        // Any variable of ours that a shell does not make for itself. (None is set here: other tests start
        // processes at the same time, and the environment has no lock.)
        let own = ProcessInfo.processInfo.environment.keys.filter {
            !["PATH", "LC_ALL", "PWD", "OLDPWD", "_"].contains($0)
        }
        let name = try #require(own.first { $0.allSatisfy { $0.isLetter || $0 == "_" } })
        let shell = try ChildProgram("sh", package: "dash")
        let (clean, _) = try await shell.run(
            ["-c", "test -z \"$\(name)\" && test \"$LC_ALL\" = C"], deadline: .seconds(120))
        #expect(clean == 0)
    }

    /// mkfs.xfs prints its reason first, and then forty lines of usage.
    @Test func theReasonIsReportedAndNotTheUsage() {
        let usage = (0..<60).map { "[-\($0)] some option of this tool" }.joined(separator: "\n")
        let text = "size 100 of data subvolume is too small, minimum 4096 blocks\nUsage: mkfs.xfs\n\(usage)\n"
        #expect(ChildProgram.excerpt(of: text) == "size 100 of data subvolume is too small, minimum 4096 blocks")
        #expect(ChildProgram.excerpt(of: "  Usage: x\n  [y]\n") == "Usage: x; [y]")
        #expect(ChildProgram.excerpt(of: "") == "")
    }

    @Test func ofALongTextHeadAndTailAreKept() {
        let text = "first\n" + String(repeating: "noise\n", count: 1000) + "last\n"
        let excerpt = ChildProgram.excerpt(of: text)
        #expect(excerpt.hasPrefix("first; noise") && excerpt.hasSuffix("noise; last") && excerpt.contains(" … "))
        #expect(excerpt.count < 1100)
    }
}
